/** What the sandbox is asked and what it answers. Plain data: it crosses from process to process. */

export const CODE_LANGUAGES = ["python", "javascript", "typescript"] as const;
export type CodeLanguage = (typeof CODE_LANGUAGES)[number];

/** A program and its tests, ready to run. */
export interface Program {
  readonly language: CodeLanguage;
  readonly code: string;
  /** Statements. Every top-level statement that asserts something is one test; the others prepare. */
  readonly tests: readonly string[];
  /** The function under test: what `check(candidate)` of the tests is given. */
  readonly entryPoint?: string;
  /** Runs in the program's namespace before it. */
  readonly setup?: string;
}

export interface ProgramLimits {
  /**
   * From the first statement of the program to the last of its tests: processor time where the system tells it (Linux), and four
   * times as much wall time; elsewhere wall time.
   */
  readonly timeSeconds: number;
  /** What the interpreter may take altogether. */
  readonly memoryBytes: number;
  /** Of what is printed, how much is kept; printing more is no fault. */
  readonly outputBytes: number;
}

export const DEFAULT_PROGRAM_LIMITS: ProgramLimits = {
  timeSeconds: 10,
  memoryBytes: 256 << 20,
  outputBytes: 4096,
};

/**
 * How a program ended, in a word.
 *
 * - `passed`: every test passed
 * - `wrong`: a test's assertion failed
 * - `error`: the program or a test raised something else
 * - `syntax`: the program does not compile
 * - `exited`: it ended the interpreter instead of returning
 * - `timeout`, `memory`: it ran into that limit
 * - `forbidden`: it reached for something that no honest answer needs (tracing, other objects of the interpreter, the host)
 * - `tampered`: it replaced builtins or functions that the tests call
 * - `invalid_tests`: the tests themselves do not compile or need a module that is not there; no verdict on the program
 */
export const PROGRAM_VERDICTS = [
  "passed",
  "wrong",
  "error",
  "syntax",
  "exited",
  "timeout",
  "memory",
  "forbidden",
  "tampered",
  "invalid_tests",
] as const;
export type ProgramVerdict = (typeof PROGRAM_VERDICTS)[number];

/** What went wrong first. */
export interface ProgramFailure {
  /** Text of the test, absent where the program itself failed. */
  readonly test?: string;
  /** The exception's class, or a word for what is no exception. */
  readonly type: string;
  readonly message: string;
  /** Line of the program, from 1. */
  readonly line?: number;
}

export interface ProgramOutcome {
  readonly verdict: ProgramVerdict;
  readonly passed: number;
  /** Tests that there are; 0 where that is not known. */
  readonly total: number;
  readonly failure?: ProgramFailure;
  /** The beginning of what it printed. */
  readonly output: string;
  readonly seconds: number;
}
