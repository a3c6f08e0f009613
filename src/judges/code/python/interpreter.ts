/**
 * CPython (Pyodide's build), shut in behind {@link Seal}. It is driven through the C API alone: after the wall is shut, nothing
 * of Pyodide's bridge between the languages can be called, so neither can a program call it.
 */
import { loadPyodide } from "pyodide";
import { assert } from "../../../support/errors.ts";
import { HARNESS, WARM_MODULES } from "./harness.ts";
import { type ImportTable, ProgramStopped, Seal } from "./seal.ts";

/** Addresses are numbers; 0 is NULL. */
export type Address = number;

/** What is used of the Emscripten module. */
export interface PythonModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAPU32: Uint32Array;
  readonly FS: MemoryFileSystem;
  addFunction(call: (...operands: number[]) => number, signature: string): Address;
  UTF8ToString(text: Address): string;
  stackSave(): Address;
  stackRestore(stack: Address): void;
  _malloc(bytes: number): Address;
  _free(address: Address): void;
  _sbrk(bytes: number): Address;
  _PyDict_New(): Address;
  _PyDict_GetItemString(dictionary: Address, name: Address): Address;
  _PyDict_SetItemString(dictionary: Address, name: Address, value: Address): number;
  _PyUnicode_FromStringAndSize(text: Address, bytes: number): Address;
  _PyUnicode_AsUTF8(text: Address): Address;
  _PyList_Size(list: Address): number;
  _PyList_GetItem(list: Address, index: number): Address;
  _PyTuple_GetItem(tuple: Address, index: number): Address;
  _PyObject_CallOneArg(callable: Address, operand: Address): Address;
  _PyObject_CallNoArgs(callable: Address): Address;
  _PyRun_String(text: Address, mode: number, globals: Address, locals: Address): Address;
  _PyEval_EvalCode(code: Address, globals: Address, locals: Address): Address;
  _PyErr_GetRaisedException(): Address;
  _PyErr_GivenExceptionMatches(error: Address, kind: Address): number;
  _PySys_AddAuditHook(hook: Address, data: Address): number;
  readonly _PyExc_AssertionError: Address;
  readonly _PyExc_SystemExit: Address;
  readonly _PyExc_MemoryError: Address;
  readonly _PyImport_Inittab: Address;
}

interface FileNode {
  mode: number;
  readonly contents?: Readonly<Record<string, FileNode>>;
}

/** What is used of Emscripten's files in memory. */
export interface MemoryFileSystem {
  readonly root: FileNode & {
    readonly mount: { readonly mounts: readonly { readonly mountpoint: string }[] };
  };
  readonly filesystems: { readonly MEMFS: object };
  readonly streams: (object | null)[];
  mount(type: object, options: object, place: string): void;
  unmount(place: string): void;
  mkdirTree(place: string): void;
  chdir(place: string): void;
}

/** Memory of an interpreter that has started, and where the harness lies in it. */
export interface InterpreterImage {
  readonly memory: Uint8Array;
  readonly harness: Address;
}

const FILE_INPUT = 257;
/** Folders that a program may write to; both are new for every program. */
const SCRATCH = ["/home/pyodide", "/tmp"];
const WRITE_BITS = 0o222;
const FOLDER_BIT = 0o040000;
/** Extension modules built into the interpreter that reach past it: memory, function pointers, JavaScript. */
const UNREACHABLE_MODULES: ReadonlySet<string> = new Set([
  "_ctypes",
  "_pyodide_core",
  "_remote_debugging",
  "_testcapi",
  "_testinternalcapi",
  "_testlimitedcapi",
  "_testclinic",
  "_testclinic_limited",
  "_testbuffer",
  "_xxtestfuzz",
  "_interpreters",
  "_tracemalloc",
]);

/** Reports of the interpreter on itself that end the program: each is a way to the judge's objects, or around its tests. */
const FORBIDDEN_EVENTS: ReadonlySet<string> = new Set([
  "sys.settrace",
  "sys.setprofile",
  "sys.monitoring.register_callback",
  "sys.addaudithook",
  "sys._current_frames",
  "sys._current_exceptions",
  "gc.get_objects",
  "gc.get_referrers",
  "gc.get_referents",
  "code.__new__",
]);

interface InstantiationSettings {
  instantiateWasm: (imports: Record<string, ImportTable>, receive: unknown) => unknown;
}

/** What the program printed, up to a limit. */
export interface Printed {
  write(bytes: Uint8Array): void;
}

export class PythonInterpreter {
  readonly module: PythonModule;
  readonly seal: Seal;
  readonly harness: Address;
  private readonly image: Uint8Array;
  private readonly streams: readonly (object | null)[];
  private readonly stack: Address;

  private constructor(module: PythonModule, seal: Seal, harness: Address) {
    this.module = module;
    this.seal = seal;
    this.harness = harness;
    runInHarness(module, harness, BRIDGE_TAKEN_AWAY);
    this.hideModules();
    this.watchEvents();
    this.makeReadOnly();
    this.stack = module.stackSave();
    this.streams = [...module.FS.streams];
    this.image = module.HEAPU8.slice();
    seal.shut();
  }

  /**
   * Starts an interpreter: from an image in a fraction of the time, or from nothing, which gives the image for the next.
   *
   * @param memoryBytes more than this the interpreter never has
   */
  static async start(
    memoryBytes: number,
    printed: Printed,
    image?: InterpreterImage,
  ): Promise<{ readonly interpreter: PythonInterpreter; readonly image?: InterpreterImage }> {
    let module: PythonModule | undefined;
    const seal = new Seal(memoryBytes, (address) => module!.HEAPU32[address >>> 2]!);
    const pyodide = await loadPyodide({
      createPyodideModule: (await guardedModule(seal)) as never,
      jsglobals: Object.create(null) as object,
      env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0", TZ: "UTC" },
      stdin: () => null as never,
      _sysExecutable: "python",
      // A copy, since the loader wants it at the beginning of a buffer.
      ...(image ? { _loadSnapshot: image.memory.slice() } : { _makeSnapshot: true }),
    });
    const output = {
      write: (bytes: Uint8Array) => {
        printed.write(bytes);
        return bytes.length;
      },
      isatty: false,
    };
    module = (pyodide as unknown as { _module: PythonModule })._module;
    const harness = image?.harness ?? loadHarness(module);
    const memory = image
      ? undefined
      : (pyodide as unknown as { makeMemorySnapshot(): Uint8Array }).makeMemorySnapshot();
    pyodide.setStdout(output);
    pyodide.setStderr(output);
    const interpreter = new PythonInterpreter(module, seal, harness);
    return { interpreter, ...(memory && { image: { memory, harness } }) };
  }

  /** Whether a program ended in a way after which this interpreter should not be kept, restored or not. */
  isShaken = false;

  /** How much the memory has grown beyond the image. */
  get grownBytes(): number {
    return this.module.HEAPU8.length - this.image.length;
  }

  /** Puts everything back that a program can change: memory, stack, open files, files. */
  restore(): void {
    const { module, image, seal } = this;
    const { FS } = module;
    const used = module._sbrk(0);
    module.HEAPU8.set(image);
    if (used > image.length) module.HEAPU8.fill(0, image.length, used);
    module.stackRestore(this.stack);
    FS.streams.length = 0;
    for (const [fd, stream] of this.streams.entries())
      FS.streams.push(stream && Object.assign(stream, { fd }));
    FS.chdir("/");
    for (const place of SCRATCH) {
      FS.unmount(place);
      FS.mount(FS.filesystems.MEMFS, {}, place);
    }
    FS.chdir(SCRATCH[0]!);
    seal.reset();
  }

  /** Calls `action` with the address of a zero-terminated copy of the text. */
  withText<T>(text: string, action: (address: Address, bytes: number) => T): T {
    return withText(this.module, text, action);
  }

  /** A name of the harness. */
  get(name: string): Address {
    const found = this.withText(name, (text) => this.module._PyDict_GetItemString(this.harness, text));
    assert(found !== 0, `the harness has no ${name}`);
    return found;
  }

  /** The text that a function of the harness answers; undefined where it raised. */
  ask(name: string, operand?: Address): string | undefined {
    const { module } = this;
    const callable = this.get(name);
    const answer =
      operand === undefined
        ? module._PyObject_CallNoArgs(callable)
        : module._PyObject_CallOneArg(callable, operand);
    if (answer === 0) {
      module._PyErr_GetRaisedException();
      return undefined;
    }
    const text = module._PyUnicode_AsUTF8(answer);
    if (text !== 0) return module.UTF8ToString(text);
    module._PyErr_GetRaisedException();
    return "";
  }

  /** Takes names out of the table of built-in modules, so that no importer finds them. */
  private hideModules(): void {
    const { module } = this;
    const entryWords = 2;
    const table = module.HEAPU32[module._PyImport_Inittab >>> 2]!;
    for (let entry = table >>> 2; module.HEAPU32[entry] !== 0; entry += entryWords) {
      const name = module.HEAPU32[entry]!;
      if (UNREACHABLE_MODULES.has(module.UTF8ToString(name))) module.HEAPU8[name] = 0;
    }
  }

  /** The hook is a function of the host: there is no object of it inside that a program could change. */
  private watchEvents(): void {
    const { module, seal } = this;
    const hook = module.addFunction((event) => {
      const name = module.UTF8ToString(event!);
      return seal.isWatching && FORBIDDEN_EVENTS.has(name) ? seal.stop("forbidden", name) : 0;
    }, "iiii");
    assert(module._PySys_AddAuditHook(hook, 0) === 0, "the interpreter takes no audit hook");
  }

  /** Files in memory are the interpreter's own; a program writes to its scratch folders only. */
  private makeReadOnly(): void {
    const { FS } = this.module;
    for (const place of SCRATCH) {
      FS.mkdirTree(place);
      FS.mount(FS.filesystems.MEMFS, {}, place);
    }
    const visit = (node: FileNode): void => {
      const isFolder = (node.mode & FOLDER_BIT) !== 0;
      node.mode &= ~WRITE_BITS;
      if (isFolder) for (const child of Object.values(node.contents ?? {})) visit(child);
    };
    for (const [name, child] of Object.entries(FS.root.contents ?? {})) if (name !== "dev") visit(child);
    FS.root.mode &= ~WRITE_BITS;
  }
}

/** Emscripten's module maker, with every import behind the seal. */
async function guardedModule(seal: Seal): Promise<(settings: InstantiationSettings) => unknown> {
  // The package has no types for this file.
  const specifier = "pyodide/pyodide.asm.mjs";
  const { default: create } = (await import(specifier)) as {
    default: (settings: InstantiationSettings) => unknown;
  };
  return (settings) => {
    const original = settings.instantiateWasm;
    settings.instantiateWasm = (imports, receive) =>
      original(
        {
          ...imports,
          env: seal.guard(imports.env!),
          wasi_snapshot_preview1: seal.guard(imports.wasi_snapshot_preview1!),
        },
        receive,
      );
    return create(settings);
  };
}

function withText<T>(module: PythonModule, text: string, action: (address: Address, bytes: number) => T): T {
  const bytes = Buffer.from(text, "utf8");
  const address = module._malloc(bytes.length + 1);
  if (address === 0) throw new ProgramStopped("memory", "the program does not fit into memory");
  module.HEAPU8.set(bytes, address);
  module.HEAPU8[address + bytes.length] = 0;
  try {
    return action(address, bytes.length);
  } finally {
    module._free(address);
  }
}

/** Runs the harness in a new namespace, after importing what programs import most. */
function loadHarness(module: PythonModule): Address {
  const harness = module._PyDict_New();
  runInHarness(module, harness, FOUNDATION);
  runInHarness(module, harness, HARNESS);
  return harness;
}

function runInHarness(module: PythonModule, harness: Address, source: string): void {
  const result = withText(module, source, (text) => module._PyRun_String(text, FILE_INPUT, harness, harness));
  assert(result !== 0, "the harness of the code judge does not run");
}

/** Private builtins, warm modules. */
const FOUNDATION = `
import builtins, importlib, sys
__builtins__ = dict(builtins.__dict__)
for name in ${JSON.stringify(WARM_MODULES)}:
    importlib.import_module(name)
del name
`;

/** Nothing left of the bridge to JavaScript, which Pyodide needs to start; asyncio as it was before Pyodide changed it. */
const BRIDGE_TAKEN_AWAY = `
BRIDGE = ("js", "pyodide", "_pyodide", "pyodide_js", "_pyodide_core", "ctypes", "_ctypes")
for name in [name for name in sys.modules if name.partition(".")[0] in BRIDGE]:
    del sys.modules[name]
for name in BRIDGE:
    sys.modules[name] = None
sys.meta_path[:] = [finder for finder in sys.meta_path if "pyodide" not in type(finder).__module__ + repr(finder)]
sys.excepthook = sys.__excepthook__
sys.path[:] = dict.fromkeys(sys.path)
for name in [name for name in sys.modules if name.partition(".")[0] in ("asyncio", "_asyncio")]:
    del sys.modules[name]
import asyncio, asyncio.unix_events, time
class Waiting:
    """Stands in for a selector: there is nothing to select from, only time to pass."""
    def select(self, seconds):
        if seconds:
            time.sleep(seconds)
        return []
class EventLoop(asyncio.BaseEventLoop):
    def __init__(self):
        super().__init__()
        self._selector = Waiting()
    def _process_events(self, events):
        pass
    def _write_to_self(self):
        pass
asyncio.events._set_running_loop(None)
asyncio.unix_events._UnixDefaultEventLoopPolicy._loop_factory = EventLoop
del name
`;
