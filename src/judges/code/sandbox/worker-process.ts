/** A worker as its parent sees it: started, given one program at a time, killed when it takes too long. */
import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TuttiError } from "../../../support/errors.ts";
import type { Program, ProgramLimits, ProgramOutcome } from "../program.ts";
import type { InterpreterImage } from "../python/interpreter.ts";
import type { FromWorker, ToWorker, WorkerLanguage } from "./messages.ts";
import { processorSeconds } from "./processor-time.ts";

/** JavaScript objects of a worker; interpreters have their memory besides. */
const HEAP_MEGABYTES = 256;
/** A worker that says nothing for this long never will; the first start compiles the interpreter. */
const START_SECONDS = 300;
/** What the worker may need before and after the program itself, before it is killed. */
const GRACE_SECONDS = 0.5;
/** A program that computes little waits for the machine or sleeps: it is given this many times the limit. */
const PATIENCE = 4;
const SHOWN_STDERR = 2000;

const require = createRequire(import.meta.url);
const ENTRY = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));

/** What is known after a run. */
export interface WorkerRun {
  readonly outcome: ProgramOutcome;
  /** Whether the worker can take another program. */
  readonly isUsable: boolean;
}

/** Node's own walls, where the code is built: no writing, no processes, no add-ons, reading only what the worker is made of. */
function permissionFlags(): string[] {
  if (extname(ENTRY) === ".ts") return [`--import=${pathToFileURL(require.resolve("tsx")).href}`];
  const flag = process.allowedNodeEnvironmentFlags.has("--permission")
    ? "--permission"
    : "--experimental-permission";
  // QuickJS comes in several packages of one scope.
  const folders = ["pyodide", "quickjs-emscripten-core", "amaro"].map((name) =>
    packageFolder(require.resolve(name), name),
  );
  folders.push(packageFolder(require.resolve("@jitl/quickjs-wasmfile-release-sync"), "@jitl"));
  const built = join(dirname(ENTRY), "../../..");
  const readable = [built, join(built, "../package.json"), ...folders];
  return [flag, "--no-warnings", "--allow-worker", ...readable.map((path) => `--allow-fs-read=${path}`)];
}

/** The folder of an installed package, from a file in it. */
function packageFolder(file: string, name: string): string {
  const marker = join("node_modules", name);
  const at = file.lastIndexOf(marker);
  return at < 0 ? dirname(file) : file.slice(0, at + marker.length);
}

export class WorkerProcess {
  private readonly child: ChildProcess;
  private readonly limits: ProgramLimits;
  private errors = "";
  private listener: ((message: FromWorker | undefined) => void) | undefined;
  private isGone = false;

  constructor(limits: ProgramLimits) {
    this.limits = limits;
    this.child = fork(ENTRY, [], {
      execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`, ...permissionFlags()],
      // No secrets and no settings of the host; PATH alone is what Node's own start may look at.
      env: { PATH: process.env.PATH ?? "" },
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.errors = (this.errors + chunk.toString("utf8")).slice(-SHOWN_STDERR);
    });
    this.child.on("message", (message: FromWorker) => this.listener?.(message));
    this.child.on("error", () => this.gone());
    this.child.on("exit", () => this.gone());
  }

  /** Resolves when the worker can run programs, with an image for the next workers where it made one. */
  async start(language: WorkerLanguage, image?: InterpreterImage): Promise<InterpreterImage | undefined> {
    const answered = this.next(START_SECONDS, (message) =>
      message.kind === "ready" || message.kind === "failed" ? message : undefined,
    );
    this.send({ kind: "start", language, limits: this.limits, ...(image && { image }) });
    const message = await answered;
    if (message?.kind === "ready") return message.image;
    this.stop();
    throw new TuttiError("JUDGE_FAILED", `the sandbox for ${language} does not start`, {
      details: { reason: message?.kind === "failed" ? message.message : this.errors || "no answer" },
      hint: "see the reason; the sandbox needs a child process and about 400 MB of memory for each worker",
    });
  }

  /**
   * Runs a program. One that takes too long is killed with its process and keeps what it had passed.
   *
   * @returns undefined where the process died of something else
   */
  async run(program: Program): Promise<WorkerRun | undefined> {
    const { timeSeconds } = this.limits;
    let passed = 0;
    let total = 0;
    const began = performance.now();
    const computed = this.processorSeconds();
    let isLate = false;
    const answered = this.next(
      timeSeconds + GRACE_SECONDS,
      (message) => {
        if (message.kind === "progress") ({ passed, total } = message);
        return message.kind === "outcome" || message.kind === "failed" ? message : undefined;
      },
      (waitedSeconds) => {
        const used = this.processorSeconds() - computed;
        const left = Number.isFinite(used) ? timeSeconds + GRACE_SECONDS - used : 0;
        const more = Math.min(left, PATIENCE * timeSeconds - waitedSeconds);
        isLate = more <= 0;
        return more;
      },
    );
    this.send({ kind: "run", program });
    const message = await answered;
    if (message?.kind === "outcome") return { outcome: message.outcome, isUsable: !message.isSpent };
    this.stop();
    if (!isLate) return undefined;
    const seconds = (performance.now() - began) / 1000;
    const failure = { type: "TimeLimit", message: `more than ${timeSeconds} seconds` };
    return { outcome: { verdict: "timeout", passed, total, failure, output: "", seconds }, isUsable: false };
  }

  /** From outside, and without asking. */
  stop(): void {
    this.child.kill("SIGKILL");
  }

  private send(message: ToWorker): void {
    // A worker that has gone is seen by its exit, not here.
    this.child.send(message, () => undefined);
  }

  /** Infinite where it is not known, so that wall time alone counts. */
  private processorSeconds(): number {
    return (
      (this.child.pid === undefined ? undefined : processorSeconds(this.child.pid)) ??
      Number.POSITIVE_INFINITY
    );
  }

  private gone(): void {
    this.isGone = true;
    this.listener?.(undefined);
  }

  /**
   * The first message that `take` makes something of; undefined when the process ends or the time is over.
   *
   * @param late how many seconds more there are, once they are over
   */
  private next<T>(
    seconds: number,
    take: (message: FromWorker) => T | undefined,
    late?: (waitedSeconds: number) => number,
  ): Promise<T | undefined> {
    return new Promise((resolve) => {
      const finish = (value: T | undefined): void => {
        clearTimeout(timer);
        this.listener = undefined;
        resolve(value);
      };
      const began = performance.now();
      const end = (): void => {
        const more = late?.((performance.now() - began) / 1000) ?? 0;
        if (more > 0) timer = setTimeout(end, more * 1000);
        else finish(undefined);
      };
      let timer = setTimeout(end, seconds * 1000);
      this.listener = (message) => {
        const taken = message && take(message);
        if (message === undefined || taken !== undefined) finish(taken);
      };
      if (this.isGone) finish(undefined);
    });
  }
}
