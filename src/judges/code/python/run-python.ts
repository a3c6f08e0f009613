/** Runs one Python program against its tests, in an interpreter that is put back to what it was first. */
import type { Program, ProgramFailure, ProgramOutcome, ProgramVerdict } from "../program.ts";
import type { Address, PythonInterpreter } from "./interpreter.ts";
import { ProgramStopped } from "./seal.ts";

/** Told after each test that passed, so that a program which must be killed still gets credit for them. */
export type Progress = (passed: number, total: number) => void;

/** An outcome without what only the caller knows. */
export type RawOutcome = Omit<ProgramOutcome, "output" | "seconds">;

interface Prepared {
  readonly steps?: readonly (readonly [isTest: boolean, text: string])[];
  readonly problem?: "syntax" | "invalid_tests";
  readonly type?: string;
  readonly message?: string;
  readonly line?: number | null;
  readonly total?: number;
}

interface Raised {
  readonly error: Address;
  readonly verdict: ProgramVerdict;
  readonly test?: string;
}

const FIELD = "\u001f";

export function runPython(interpreter: PythonInterpreter, program: Program, progress: Progress): RawOutcome {
  interpreter.restore();
  const prepared = prepare(interpreter, program);
  if (!prepared.steps) return unprepared(prepared);
  const run = new Run(interpreter, prepared.steps, progress);
  try {
    return run.outcome();
  } catch (thrown) {
    interpreter.isShaken ||= !(thrown instanceof ProgramStopped);
    return run.stopped(interpreter.seal.stopped ?? thrown);
  } finally {
    interpreter.seal.isWatching = false;
  }
}

function prepare(interpreter: PythonInterpreter, { code, tests, entryPoint, setup }: Program): Prepared {
  const { module } = interpreter;
  try {
    const request = interpreter.withText(JSON.stringify({ code, tests, entryPoint, setup }), (text, bytes) =>
      module._PyUnicode_FromStringAndSize(text, bytes),
    );
    const answer = request === 0 ? undefined : interpreter.ask("prepare", request);
    if (answer !== undefined) return JSON.parse(answer) as Prepared;
  } catch (thrown) {
    if (!isEndOfProgram(thrown)) throw thrown;
    interpreter.isShaken = true;
  }
  return { problem: "syntax", type: "CompilerError", message: "too deep or too large to compile" };
}

function unprepared({ problem, type, message, line, total }: Prepared): RawOutcome {
  return {
    verdict: problem!,
    passed: 0,
    total: total ?? 0,
    failure: { type: type!, message: message!, ...(line != null && problem === "syntax" && { line }) },
  };
}

/** Errors that say something about the program: it was stopped, or ran out of stack, or broke the interpreter. */
function isEndOfProgram(thrown: unknown): boolean {
  const isTrap = thrown instanceof Error && thrown.name === "RuntimeError";
  return thrown instanceof ProgramStopped || thrown instanceof RangeError || isTrap;
}

class Run {
  private readonly interpreter: PythonInterpreter;
  private readonly steps: readonly (readonly [isTest: boolean, text: string])[];
  private readonly progress: Progress;
  private readonly total: number;
  private passed = 0;
  private current: string | undefined;
  private first: Raised | undefined;

  constructor(interpreter: PythonInterpreter, steps: Run["steps"], progress: Progress) {
    this.interpreter = interpreter;
    this.steps = steps;
    this.progress = progress;
    this.total = steps.filter(([isTest]) => isTest).length;
  }

  outcome(): RawOutcome {
    const { interpreter } = this;
    const tests = interpreter.get("tests_names");
    const broken = this.list("import_codes", tests);
    if (broken)
      return { verdict: "invalid_tests", passed: 0, total: this.total, failure: this.described(broken) };
    interpreter.ask("watch");
    interpreter.seal.isWatching = true;
    const names = interpreter.get("program_names");
    this.first = this.evaluate("setup_code", names) ?? this.evaluate("program_code", names);
    if (!this.first) {
      if (interpreter.ask("bind") === undefined) return this.tampered("the program's own namespace");
      this.test(tests);
      const replaced = interpreter.ask("tampering");
      if (replaced !== "") return this.tampered(replaced ?? "what the judge looks at");
    }
    const { passed, total, first } = this;
    if (!first) return { verdict: "passed", passed, total };
    return { verdict: first.verdict, passed, total, failure: this.described(first) };
  }

  /** The outcome of a program that did not come back. */
  stopped(thrown: unknown): RawOutcome {
    if (!isEndOfProgram(thrown)) throw thrown;
    const { passed, total, current } = this;
    const [verdict, type, message] = endOf(thrown as Error);
    return { verdict, passed, total, failure: { ...(current && { test: current }), type, message } };
  }

  private tampered(what: string): RawOutcome {
    return {
      verdict: "tampered",
      passed: 0,
      total: this.total,
      failure: { type: "Tampered", message: `the program replaced ${what}` },
    };
  }

  /** Runs every step; a test that fails does not keep the others from running. */
  private test(names: Address): void {
    const { module } = this.interpreter;
    const codes = this.interpreter.get("step_codes");
    this.steps.forEach(([isTest, text], index) => {
      this.current = text;
      const raised = this.run(module._PyList_GetItem(codes, index), names);
      if (raised) this.first ??= { ...raised, test: text };
      else if (isTest) this.progress(++this.passed, this.total);
    });
    this.current = undefined;
  }

  private list(name: string, names: Address): Raised | undefined {
    const { module } = this.interpreter;
    const codes = this.interpreter.get(name);
    const count = module._PyList_Size(codes);
    for (let index = 0; index < count; index++) {
      const raised = this.run(module._PyList_GetItem(codes, index), names);
      if (raised) return raised;
    }
    return undefined;
  }

  private evaluate(name: string, names: Address): Raised | undefined {
    return this.run(this.interpreter.get(name), names);
  }

  /** Whether code raised is what the C function returned, which nothing in the interpreter can make up. */
  private run(code: Address, names: Address): Raised | undefined {
    const { module, seal } = this.interpreter;
    const returned = module._PyEval_EvalCode(code, names, names);
    if (seal.stopped) throw seal.stopped;
    if (returned !== 0) return undefined;
    const error = module._PyErr_GetRaisedException();
    const is = (kind: Address): boolean =>
      module._PyErr_GivenExceptionMatches(error, module.HEAPU32[kind >>> 2]!) !== 0;
    if (is(module._PyExc_SystemExit)) return { error, verdict: "exited" };
    if (is(module._PyExc_MemoryError)) return { error, verdict: "memory" };
    return { error, verdict: is(module._PyExc_AssertionError) ? "wrong" : "error" };
  }

  /** Asks the exception what it is. Code of the program may run here, but nothing is decided any more. */
  private described({ error, test }: Raised): ProgramFailure {
    const where = test === undefined ? {} : { test };
    const [type, line, ...message] = (this.description(error) ?? "").split(FIELD);
    if (line === undefined) return { ...where, type: "Exception", message: "cannot be shown" };
    return {
      ...where,
      type: type!,
      message: message.join(FIELD),
      ...(line !== "0" && { line: Number(line) }),
    };
  }

  private description(error: Address): string | undefined {
    try {
      return this.interpreter.ask("describe", error);
    } catch (thrown) {
      if (isEndOfProgram(thrown)) return undefined;
      throw thrown;
    }
  }
}

function endOf(thrown: Error): [verdict: ProgramVerdict, type: string, message: string] {
  if (thrown instanceof ProgramStopped) {
    const types = { exited: "Exit", forbidden: "Forbidden", memory: "MemoryLimit" } as const;
    return [thrown.reason, types[thrown.reason], thrown.message];
  }
  if (thrown instanceof RangeError) return ["error", "StackOverflow", "the program nests calls too deeply"];
  return ["error", "InterpreterFailure", thrown.message];
}
