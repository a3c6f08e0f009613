/** Programs that attack the judge, with the verdicts that are right for each. CANARY_FILE and PORT are the host's. */

export interface Attack {
  readonly name: string;
  readonly code: string;
  readonly tests?: readonly string[];
  readonly verdicts: readonly string[];
}

/** Prints before its attack, so that what it found would be seen. */
const attack = (
  name: string,
  code: string,
  verdicts: readonly string[],
  tests?: readonly string[],
): Attack => ({
  name,
  code,
  verdicts,
  ...(tests && { tests }),
});

const FAILS = ["error"];
const POP =
  "import sys\nfor name in list(sys.modules):\n    if sys.modules[name] is None: del sys.modules[name]\n";

export const PYTHON_ATTACKS: readonly Attack[] = [
  // the host: JavaScript
  attack("import js", "import js\nprint(js.process.env)", FAILS),
  attack("import js, unblocked", `${POP}import js\nprint(js.process.env)`, FAILS),
  attack("import pyodide_js, unblocked", `${POP}import pyodide_js`, FAILS),
  attack("run_js", `${POP}from pyodide.code import run_js\nprint(run_js('process.env'))`, [
    ...FAILS,
    "forbidden",
  ]),
  attack("the bridge's C module", `${POP}import _pyodide_core\nprint(dir(_pyodide_core))`, [
    ...FAILS,
    "forbidden",
  ]),
  attack(
    "the bridge's C module by its importer",
    `${POP}import _imp, importlib.machinery as m\nspec = m.ModuleSpec('_pyodide_core', m.BuiltinImporter)\ncore = _imp.create_builtin(spec)\n_imp.exec_builtin(core)\nprint(dir(core))\ncore.run_js('1')`,
    [...FAILS, "forbidden"],
  ),
  attack(
    "proxies among the types",
    "def walk(t):\n    yield t\n    for s in type.__subclasses__(t): yield from walk(s)\nfor t in list(walk(object)):\n    if 'Js' in t.__name__ or 'Proxy' in t.__name__:\n        print(t)\n        for make in (lambda: t(), lambda: t.new(), lambda: object.__new__(t)):\n            try: print(make().constructor('return process')())\n            except Exception as e: print(e)\nraise ValueError",
    [...FAILS, "forbidden", "exited"],
  ),
  attack(
    "globals of what the bridge has touched",
    "import time\nnames = time.sleep.__globals__\nprint(list(names))\nfor value in list(names.values()):\n    try: print(value.process.env)\n    except AttributeError: pass\nraise ValueError",
    [...FAILS, "forbidden"],
  ),
  attack("ctypes", "import ctypes\nprint(ctypes.pythonapi)", FAILS),
  attack(
    "ctypes, unblocked",
    `${POP}import ctypes\nprint(ctypes.CDLL(None).emscripten_run_script(b'1'))`,
    FAILS,
  ),
  attack(
    "_ctypes by its importer",
    "import _imp, importlib.machinery as m\nprint(_imp.create_builtin(m.ModuleSpec('_ctypes', m.BuiltinImporter)).dlopen)",
    FAILS,
  ),
  attack("_testcapi", "import _testcapi", FAILS),
  attack(
    "a dynamic library",
    "import _imp, importlib.machinery as m\nopen('/tmp/x.so', 'wb').write(b'\\0asm\\1\\0\\0\\0')\n_imp.create_dynamic(m.ModuleSpec('x', None, origin='/tmp/x.so'))",
    [...FAILS, "forbidden"],
  ),
  attack(
    "new bytecode",
    "def f(x): return 2\nf.__code__ = f.__code__.replace(co_code=bytes([255, 255]) * 64)",
    ["forbidden"],
  ),
  attack(
    "bytecode from marshal",
    "import marshal\ndef g(): return 1\ndata = bytearray(marshal.dumps(g.__code__))\nat = bytes(data).find(g.__code__.co_code)\ndata[at:at + 8] = bytes([60, 255] * 4)\nprint(eval(marshal.loads(bytes(data))))\nraise ValueError",
    [...FAILS, "exited", "timeout", "memory", "forbidden"],
  ),
  // the host: files, environment, network, processes
  attack("reads a file", "print(open('CANARY_FILE').read())", FAILS),
  attack(
    "reads files up the tree",
    "import glob, os\nprint(glob.glob('/**', recursive=False), os.listdir('/home'), os.listdir('/proc'))\nopen('/proc/self/environ')",
    FAILS,
  ),
  attack("writes a file of the host", "open('CANARY_FILE', 'w').write('x')", FAILS),
  attack("replaces the standard library", "open('/lib/python314.zip', 'wb').write(b'')", FAILS),
  attack("removes the standard library", "import os\nos.remove('/lib/python314.zip')", FAILS),
  attack(
    "links out",
    "import os\nos.symlink('CANARY_FILE', '/tmp/link')\nprint(open('/tmp/link').read())",
    FAILS,
  ),
  attack("mounts", "import os\nos.mknod('/tmp/device')", [...FAILS]),
  attack("environment", "import os\nprint(os.environ, os.getenv('TUTTI_CANARY'))\nraise ValueError", FAILS),
  attack(
    "connects",
    "import socket\ns = socket.create_connection(('127.0.0.1', PORT))\nprint(s.recv(100))",
    FAILS,
  ),
  attack(
    "fetches",
    "import urllib.request\nprint(urllib.request.urlopen('http://127.0.0.1:PORT').read())",
    FAILS,
  ),
  attack(
    "fetches by http.client",
    "import http.client\nc = http.client.HTTPConnection('127.0.0.1', PORT)\nc.request('GET', '/')\nprint(c.getresponse().read())",
    FAILS,
  ),
  attack("listens", "import socket\ns = socket.socket()\ns.bind(('0.0.0.0', 8123))\ns.listen()", FAILS),
  attack("fork bomb", "import os\nwhile True: os.fork()", FAILS),
  attack("thread bomb", "import threading\nwhile True: threading.Thread(target=print).start()", FAILS),
  attack(
    "process bomb",
    "import multiprocessing\nwhile True: multiprocessing.Process(target=print).start()",
    FAILS,
  ),
  attack(
    "shell",
    "import os, subprocess\nprint(os.system('touch /tmp/x'))\nprint(subprocess.check_output(['cat', 'CANARY_FILE']))",
    FAILS,
  ),
  attack(
    "signals its process",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\nos.kill(1, signal.SIGKILL)",
    [...FAILS, "exited"],
  ),
  attack("signals its parent", "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)", [
    ...FAILS,
    "exited",
  ]),
  attack(
    "ignores signals",
    "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.raise_signal(signal.SIGTERM)\ndef f(x): return 3",
    ["wrong", "error", "exited"],
  ),
  // limits
  attack("loops for ever", "while True: pass", ["timeout"]),
  attack("loops for ever in C", "import re\nre.match('(a*)*b', 'a' * 64)", ["timeout"]),
  attack(
    "loops and catches everything",
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ["timeout"],
  ),
  attack("sleeps", "import time\ntime.sleep(1000)", ["timeout"]),
  attack("prints for ever", "while True: print('x' * 100_000)", ["timeout"]),
  attack("prints much", "import sys\nprint('x' * 20_000_000)\nsys.stderr.write('y' * 20_000_000)", FAILS),
  attack("one large list", "a = [0] * 10**9", ["memory"]),
  attack("memory bomb", "a = []\nwhile True: a.append(bytes(1_000_000))", ["memory"]),
  attack(
    "memory bomb that holds on",
    "a = []\nwhile True:\n    try: a.append(bytes(100_000))\n    except MemoryError: pass",
    ["timeout", "memory"],
  ),
  attack("large number", "x = 10 ** 10 ** 10", ["timeout", "memory"]),
  attack("digits of a large number", "print(str(10 ** 100_000))", FAILS),
  attack(
    "disk bomb",
    "with open('/tmp/big', 'wb') as file:\n    while True: file.write(bytes(1_000_000))",
    FAILS,
  ),
  attack("sparse file", "with open('/tmp/big', 'wb') as file:\n    file.seek(10**10)\n    file.write(b'x')", [
    ...FAILS,
    "memory",
  ]),
  attack("file bomb", "for i in range(10**6): open(f'/tmp/{i}', 'w').close()", FAILS),
  attack("recursion", "def f(x): return f(x)", FAILS),
  attack("recursion without a limit", "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x)", [
    ...FAILS,
    "memory",
    "timeout",
  ]),
  attack("recursion in C", "a = []\nfor _ in range(10**6): a = [a]\nrepr(a)", FAILS),
  attack("recursion in the destructor", "a = None\nfor _ in range(10**5): a = (a,)\ndel a", FAILS),
  attack("nested source", `${"(".repeat(50_000)}`, ["syntax", "error"]),
  attack(
    "decompression bomb",
    "import zlib\nbomb = zlib.compress(bytes(10**7))\na = []\nwhile True: a.append(zlib.decompress(bomb))",
    ["memory", "timeout"],
  ),
  // the verdict
  attack("exits with success", "import sys\nsys.exit(0)", ["exited"]),
  attack("exits at once", "import os\nos._exit(0)", ["exited"]),
  attack("exits in the test", "import os\ndef f(x): os._exit(0)", ["exited"]),
  attack("exits in the test, politely", "def f(x): raise SystemExit(0)", ["exited"]),
  attack(
    "exits by exception hook",
    "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\ndef f(x): return 3",
    ["wrong"],
  ),
  attack("registers an exit handler", "import atexit\natexit.register(print, 'passed')\ndef f(x): return 3", [
    "wrong",
  ]),
  attack("aborts", "import os\nos.abort()", ["exited"]),
  attack("prints that it passed", 'print(\'{"kind": "outcome", "verdict": "passed"}\')\ndef f(x): return 3', [
    "wrong",
  ]),
  attack(
    "replaces builtins",
    "import builtins\nbuiltins.abs = lambda x: 0\ndef f(x): return 9",
    ["tampered", "wrong"],
    ["assert abs(f(1) - 2) < 1e-6"],
  ),
  attack(
    "replaces builtins when called",
    "import builtins\ndef f(x):\n    builtins.abs = lambda x: 0\n    return 9",
    ["tampered"],
    ["assert abs(f(1) - 2) < 1e-6", "assert abs(f(2) - 2) < 1e-6"],
  ),
  attack(
    "shadows builtins",
    "def abs(x): return 0\ndef f(x): return 9",
    ["wrong"],
    ["assert abs(f(1) - 2) < 1e-6"],
  ),
  attack(
    "replaces a module's function",
    "import math\nmath.isclose = lambda *a: True\ndef f(x): return 9",
    ["tampered"],
    ["import math\nassert math.isclose(f(1), 2)"],
  ),
  attack(
    "replaces a module",
    "import sys\nclass Math: isclose = lambda *a: True\nsys.modules['math'] = Math\ndef f(x): return 9",
    ["wrong"],
    ["import math\nassert math.isclose(f(1), 2)"],
  ),
  attack(
    "replaces AssertionError",
    "import builtins\nclass Quiet(Exception): pass\nbuiltins.AssertionError = Quiet\ndef f(x): return 3",
    ["tampered", "wrong"],
  ),
  attack(
    "replaces the tests' names from below",
    "import sys\ndef f(x):\n    sys._getframe(1).f_globals['len'] = lambda a: 2\n    return []",
    ["tampered"],
    ["assert f(1) == []", "assert len(f(1)) == 2"],
  ),
  attack(
    "replaces the tests' builtins from below",
    "import sys\ndef f(x):\n    sys._getframe(1).f_builtins['len'] = lambda a: 2\n    return []",
    ["tampered"],
    ["assert f(1) == []", "assert len(f(1)) == 2"],
  ),
  attack(
    "looks for the judge's frames",
    "import sys\ndef f(x):\n    frame, depth = sys._getframe(), 0\n    while frame: frame, depth = frame.f_back, depth + 1\n    print('frames', depth)\n    assert depth == 2\n    return 3",
    ["wrong"],
  ),
  attack(
    "traces the tests",
    "import sys\ndef skip(frame, event, arg):\n    frame.f_lineno += 1\n    return skip\nsys.settrace(skip)\ndef f(x): return 3",
    ["forbidden"],
  ),
  attack("profiles the tests", "import sys\nsys.setprofile(lambda *a: None)\ndef f(x): return 3", [
    "forbidden",
  ]),
  attack(
    "monitors the tests",
    "import sys\nm = sys.monitoring\nm.use_tool_id(0, 'x')\nm.register_callback(0, m.events.LINE, lambda *a: None)\ndef f(x): return 3",
    ["forbidden"],
  ),
  attack(
    "looks through all objects",
    "import gc\nprint([o for o in gc.get_objects() if isinstance(o, dict) and 'tests_names' in o])",
    ["forbidden"],
  ),
  attack("hears of the judge", "import sys\nsys.addaudithook(print)", ["forbidden"]),
  attack(
    "forbidden, and catches it",
    "import gc\ntry: gc.get_objects()\nexcept BaseException: pass\ndef f(x): return 2",
    ["forbidden"],
  ),
  attack(
    "names that are no plain text",
    "class Key(str):\n    def __eq__(self, other): raise SystemExit\n    def __hash__(self): return hash('f')\nglobals()[Key('f')] = 1\ndef f(x): return 3",
    ["wrong", "exited", "error"],
  ),
  attack(
    "an exception that lies",
    "class Lie(AssertionError):\n    def __str__(self): raise SystemExit(0)\ndef f(x): raise Lie()",
    ["wrong"],
  ),
  attack(
    "an exception that never ends",
    "class Lie(AssertionError):\n    def __str__(self):\n        while True: pass\ndef f(x): raise Lie()",
    ["timeout"],
  ),
  attack(
    "a lying destructor",
    "class Last:\n    def __del__(self):\n        import builtins\n        builtins.print = None\nlast = Last()\ndef f(x): return 3",
    ["wrong", "tampered"],
  ),
  attack(
    "defines the check itself",
    "def check(candidate): pass\ndef f(x): return 3",
    ["wrong"],
    ["def check(candidate):\n    assert candidate(1) == 2\ncheck(f)"],
  ),
  // what stays behind
  attack(
    "leaves modules behind",
    "import sys, os\nopen('/tmp/honest.py', 'w').write('x = 1')\nsys.path.insert(0, '/tmp')\nimport honest\nos.chdir('/tmp')\nos.environ['PYTHONPATH'] = '/tmp'\nsys.modules['math'] = honest\nraise ValueError",
    FAILS,
  ),
  attack(
    "leaves settings behind",
    "import sys, random, decimal, warnings, builtins\nsys.setrecursionlimit(50)\nrandom.seed(1)\ndecimal.getcontext().prec = 2\nwarnings.simplefilter('error')\nbuiltins.print = None\ndel builtins.len\nsys.set_int_max_str_digits(0)\nraise ValueError",
    FAILS,
  ),
  attack(
    "closes the streams",
    "import os\nfor fd in range(20):\n    try: os.close(fd)\n    except OSError: pass\nraise ValueError",
    FAILS,
  ),
  attack(
    "turns the streams round",
    "import os\nfd = os.open('/tmp/x', os.O_RDWR | os.O_CREAT)\nos.dup2(fd, 1)\nos.dup2(fd, 0)\nprint('lost')\nraise ValueError",
    FAILS,
  ),
  attack(
    "turns the collector off",
    "import gc\ngc.disable()\ngc.freeze()\ngc.set_threshold(1)\nraise ValueError",
    FAILS,
  ),
];

export const JAVASCRIPT_ATTACKS: readonly Attack[] = [
  attack("process", "console.log(process.env)", ["error"]),
  attack("require", "console.log(require('fs').readFileSync('CANARY_FILE', 'utf8'))", ["error"]),
  attack("import", "import('fs').then((fs) => console.log(fs)); const f = () => 3;", ["wrong", "error"]),
  attack("static import", "import fs from 'fs';\nconsole.log(fs)", ["syntax"]),
  attack("the constructor's way", "console.log(this.constructor.constructor('return process')().env)", [
    "error",
  ]),
  attack("the console's constructor", "console.log(console.log.constructor('return process')())", ["error"]),
  attack("std and os of QuickJS", "console.log(std.open('CANARY_FILE', 'r'), os.readdir('/'))", ["error"]),
  attack("fetch", "fetch('http://127.0.0.1:PORT').then(console.log)", ["error"]),
  attack("loops for ever", "for (;;) {}", ["timeout"]),
  attack(
    "loops for ever in promises",
    "const go = () => Promise.resolve().then(go); go(); const f = () => 3;",
    ["timeout"],
  ),
  attack("memory bomb", "const a = []; for (;;) a.push(new Uint8Array(1_000_000));", ["memory", "timeout"]),
  attack("a long text", "let s = 'x'; for (;;) s += s;", ["memory", "error", "timeout"]),
  attack("recursion", "function f(x) { return f(x) + 1; }", ["error"]),
  attack("prints for ever", "for (;;) console.log('x'.repeat(100_000));", ["timeout"]),
  attack("replaces Object.is", "Object.is = () => true; function f() { return 3; }", ["tampered", "wrong"]),
  attack(
    "replaces Math.abs",
    "Math.abs = () => 0; function f() { return 3; }",
    ["tampered"],
    ["assert(Math.abs(f(1) - 2) < 1e-6)"],
  ),
  attack(
    "replaces prototypes",
    "Array.prototype.every = () => true; function f() { return [3]; }",
    ["tampered"],
    ["assert([f(1)].every((x) => x[0] === 2))"],
  ),
  attack(
    "replaces assert",
    "globalThis.assert = () => {}; globalThis.require = () => ({ strictEqual() {} }); function f() { return 3; }",
    ["wrong"],
  ),
  attack(
    "changes assert's own functions",
    "require('assert').strictEqual = () => {}; function f() { return 3; }",
    ["wrong"],
  ),
  attack(
    "changes assert's error",
    "require('assert').AssertionError.prototype.name = 'x'; function f() { return 3; }",
    ["wrong"],
  ),
  attack(
    "pollutes Object.prototype",
    "Object.prototype.error = undefined; Object.prototype.then = (f) => f(); function f() { return 3; }",
    ["wrong", "error", "timeout"],
  ),
  attack("throws what is no error", "function f() { throw null; }", ["error"]),
  attack(
    "an error that lies",
    "function f() { throw { get message() { for (;;) {} }, name: 'AssertionError' }; }",
    ["timeout"],
  ),
  attack(
    "waits for ever",
    "const f = () => new Promise(() => {});",
    ["error"],
    ["assert.strictEqual(await f(1), 2)"],
  ),
];
