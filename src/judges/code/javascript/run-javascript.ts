/**
 * Runs one program in JavaScript or TypeScript against its tests, in QuickJS compiled to WebAssembly. The isolate has the language
 * and nothing else: no timers, files, network or modules. Every program gets an instance of its own, memory included.
 */
import { transformSync } from "amaro";
import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
} from "quickjs-emscripten-core";
import { messageOf } from "../../../support/errors.ts";
import type { Program, ProgramFailure, ProgramLimits, ProgramVerdict } from "../program.ts";
import type { Progress, RawOutcome } from "../python/run-python.ts";
import { ASSERTIONS } from "./assertions.ts";

const STACK_BYTES = 256 << 10;
const MESSAGE_LIMIT = 300;
const PROGRAM_FILE = "answer.js";

/** Names that programs written for Node expect; modules other than `assert` do not exist. */
const SURROUNDINGS = `
globalThis.module = { exports: {} };
globalThis.exports = module.exports;
`;

interface Failure {
  readonly verdict: ProgramVerdict;
  readonly failure: ProgramFailure;
}

export async function runJavaScript(
  program: Program,
  limits: ProgramLimits,
  print: (text: string) => void,
  progress: Progress,
): Promise<RawOutcome> {
  const total = program.tests.length;
  let code: string;
  let tests: readonly string[];
  try {
    code = withoutExports(toJavaScript(program.code, program.language));
  } catch (thrown) {
    return { verdict: "syntax", passed: 0, total, failure: parserFailure(thrown) };
  }
  try {
    tests = program.tests.map((test) => toJavaScript(test, program.language));
  } catch (thrown) {
    return { verdict: "invalid_tests", passed: 0, total, failure: parserFailure(thrown) };
  }
  const quickjs = await newQuickJSWASMModuleFromVariant(import("@jitl/quickjs-wasmfile-release-sync"));
  const runtime = quickjs.newRuntime();
  runtime.setMemoryLimit(limits.memoryBytes);
  runtime.setMaxStackSize(STACK_BYTES);
  // Handles are not freed one by one: the whole instance is dropped after the program.
  return new Isolate(runtime, print).run(program.setup, code, tests, progress);
}

/** Types are taken out by the parser that Node itself uses. */
function toJavaScript(source: string, language: Program["language"]): string {
  return language === "typescript" ? transformSync(source, { mode: "transform" }).code : source;
}

/** Programs run as scripts, so that their names are the tests' names: `export` before a declaration is dropped. */
function withoutExports(code: string): string {
  return code
    .replace(/^export\s+(?:default\s+)?(?=(?:async\s+)?function\b|class\b|const\b|let\b|var\b)/gm, "")
    .replace(/^export\s*\{[^}]*\}\s*;?\s*$/gm, "");
}

function parserFailure(thrown: unknown): ProgramFailure {
  return { type: "SyntaxError", message: messageOf(thrown).slice(0, MESSAGE_LIMIT) };
}

class Isolate {
  private readonly runtime: QuickJSRuntime;
  private readonly context: QuickJSContext;
  private readonly assertions: QuickJSHandle;
  private readonly require: QuickJSHandle;

  constructor(runtime: QuickJSRuntime, print: (text: string) => void) {
    this.runtime = runtime;
    this.context = runtime.newContext();
    const { context } = this;
    this.assertions = context.unwrapResult(context.evalCode(ASSERTIONS, "assertions.js"));
    const assert = context.getProp(this.assertions, "assert");
    this.require = context.newFunction("require", (name) => {
      const wanted = context.getString(name).replace(/^node:/, "");
      if (wanted === "assert" || wanted === "assert/strict") return assert.dup();
      return { error: context.newError(`Cannot find module '${wanted}'`) };
    });
    context.setProp(context.global, "require", this.require);
    this.addConsole(print);
    context.unwrapResult(context.evalCode(SURROUNDINGS));
  }

  run(setup: string | undefined, code: string, tests: readonly string[], progress: Progress): RawOutcome {
    const { context } = this;
    const total = tests.length;
    const compiled: QuickJSHandle[] = [];
    for (const test of tests) {
      const made = context.evalCode(`(async (assert, require) => {\n${test}\n})`, "tests.js");
      if (made.error) {
        const { failure } = this.failure(made.error, test);
        return { verdict: "invalid_tests", passed: 0, total, failure };
      }
      compiled.push(made.value);
    }
    const first = (setup && this.evaluate(setup)) || this.evaluate(code);
    if (first) return { ...first, passed: 0, total };
    let passed = 0;
    let failed: Failure | undefined;
    for (const [index, test] of tests.entries()) {
      const failure = this.test(compiled[index]!, test);
      if (failure) failed ??= failure;
      else progress(++passed, total);
    }
    const replaced = this.tampering();
    if (replaced !== "") {
      const failure = { type: "Tampered", message: `the program replaced ${replaced}` };
      return { verdict: "tampered", passed: 0, total, failure };
    }
    return failed ? { ...failed, passed, total } : { verdict: "passed", passed, total };
  }

  /** The program itself, and everything that it has put off. */
  private evaluate(code: string): Failure | undefined {
    const { context } = this;
    const result = context.evalCode(code, PROGRAM_FILE, { type: "global" });
    if (result.error) return this.failure(result.error);
    const jobs = this.runtime.executePendingJobs();
    return jobs.error ? this.failure(jobs.error) : undefined;
  }

  /** A test is an async function, so that it may wait for the program; all that can be waited for is done at once. */
  private test(compiled: QuickJSHandle, text: string): Failure | undefined {
    const { context } = this;
    const assert = context.getProp(this.assertions, "assert");
    const called = context.callFunction(compiled, context.undefined, assert, this.require);
    if (called.error) return this.failure(called.error, text);
    const jobs = this.runtime.executePendingJobs();
    if (jobs.error) return this.failure(jobs.error, text);
    const state = context.getPromiseState(called.value);
    if (state.type === "fulfilled") return undefined;
    if (state.type === "rejected") return this.failure(state.error, text);
    const failure = { test: text, type: "Pending", message: "the test waits for something that never comes" };
    return { verdict: "error", failure };
  }

  private tampering(): string {
    const { context } = this;
    const called = context.callFunction(context.getProp(this.assertions, "tampering"), context.undefined);
    return called.error ? "what the judge looks at" : context.getString(called.value);
  }

  private failure(error: QuickJSHandle, test?: string): Failure {
    const { context } = this;
    const isAssertion = context.callFunction(
      context.getProp(this.assertions, "isAssertion"),
      context.undefined,
      error,
    );
    const text = (name: string): string => {
      const value = context.dump(context.getProp(error, name)) as unknown;
      return typeof value === "string" ? value.slice(0, MESSAGE_LIMIT) : "";
    };
    const isObject = context.typeof(error) === "object";
    const type = (isObject && text("name")) || "Error";
    const message = isObject ? text("message") : String(context.dump(error)).slice(0, MESSAGE_LIMIT);
    const line = Number(/answer\.js:(\d+)/.exec(isObject ? text("stack") : "")?.[1] ?? 0);
    const failure = {
      ...(test !== undefined && { test: test.slice(0, MESSAGE_LIMIT) }),
      type,
      message,
      ...(line > 0 && { line }),
    };
    if (!isAssertion.error && context.dump(isAssertion.value) === true) return { verdict: "wrong", failure };
    if (type === "InternalError" && message === "out of memory") return { verdict: "memory", failure };
    return { verdict: test === undefined && type === "SyntaxError" ? "syntax" : "error", failure };
  }

  private addConsole(print: (text: string) => void): void {
    const { context } = this;
    const console = context.newObject();
    for (const name of ["log", "info", "warn", "error", "debug", "table", "trace"]) {
      const write = context.newFunction(name, (...values) => {
        print(`${values.map((value) => show(context, value)).join(" ")}\n`);
      });
      context.setProp(console, name, write);
    }
    context.setProp(context.global, "console", console);
  }
}

function show(context: QuickJSContext, value: QuickJSHandle): string {
  return context.typeof(value) === "object"
    ? JSON.stringify(context.dump(value))
    : String(context.dump(value));
}
