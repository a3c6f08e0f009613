/** The process in which programs run: one language, one program after the other, each from a fresh state. */
import { constants } from "node:fs";
import { Worker } from "node:worker_threads";
import { messageOf } from "../../../support/errors.ts";
import { runJavaScript } from "../javascript/run-javascript.ts";
import type { Program, ProgramLimits, ProgramOutcome } from "../program.ts";
import { PythonInterpreter } from "../python/interpreter.ts";
import { type RawOutcome, runPython } from "../python/run-python.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { OutputHead } from "./output-head.ts";

/** An interpreter that has grown by more than this is not kept. */
const GROWTH_LIMIT_BYTES = 64 << 20;

/** A program that never returns keeps this thread from seeing that its parent has gone; another thread looks. */
const WATCHDOG = `
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 1000);
`;

/** What V8 may compute beside the program, compiling the interpreter better. */
const COMPILER_SECONDS = 1;

type Runner = (program: Program) => RawOutcome | Promise<RawOutcome>;

const say = (message: FromWorker): void => void process.send?.(message);
const progress = (passed: number, total: number): void => say({ kind: "progress", passed, total });

async function start(message: Extract<ToWorker, { kind: "start" }>): Promise<void> {
  const { language, limits, image } = message;
  const printed = new OutputHead(limits.outputBytes);
  if (language === "javascript") {
    const print = (text: string): void => printed.write(Buffer.from(text, "utf8"));
    serve(
      (program) => runJavaScript(program, limits, print, progress),
      printed,
      limits,
      () => false,
    );
    say({ kind: "ready" });
    return;
  }
  const started = await PythonInterpreter.start(limits.memoryBytes, printed, image);
  const { interpreter } = started;
  const isSpent = (): boolean => interpreter.grownBytes > GROWTH_LIMIT_BYTES || interpreter.isShaken;
  serve((program) => runPython(interpreter, program, progress), printed, limits, isSpent);
  say({ kind: "ready", ...(started.image && { image: started.image }) });
}

function serve(
  run: Runner,
  printed: OutputHead,
  { timeSeconds }: ProgramLimits,
  isSpent: () => boolean,
): void {
  const judge = async (program: Program): Promise<void> => {
    printed.clear();
    const before = process.cpuUsage();
    const began = performance.now();
    const raw = await run(program);
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(before);
    const isLate = (user + system) / 1e6 > timeSeconds + COMPILER_SECONDS && raw.verdict !== "invalid_tests";
    const outcome: ProgramOutcome = {
      ...raw,
      ...(isLate && { verdict: "timeout" }),
      output: printed.text(),
      seconds,
    };
    say({ kind: "outcome", outcome, isSpent: isSpent() });
  };
  process.on("message", (message: ToWorker) => {
    if (message.kind === "run") judge(message.program).catch(fail);
  });
}

/** A failure of the judge, not of a program: the parent hears of it and starts another worker. */
function fail(thrown: unknown): void {
  say({ kind: "failed", message: messageOf(thrown) });
  setImmediate(() => process.exit(1));
}

// Pyodide asks Node's internals for the numbers of flags, which the permission model forbids to ask for.
Object.assign(process, { binding: () => ({ fs: constants }) });
new Worker(WATCHDOG, { eval: true }).unref();
process.on("disconnect", () => process.exit(0));
process.once("message", (message: ToWorker) => {
  if (message.kind === "start") start(message).catch(fail);
});
