/** A pool of warm workers that run programs nobody trusts. */
import { TuttiError } from "../../../support/errors.ts";
import { DEFAULT_PROGRAM_LIMITS, type Program, type ProgramLimits, type ProgramOutcome } from "../program.ts";
import type { InterpreterImage } from "../python/interpreter.ts";
import type { WorkerLanguage } from "./messages.ts";
import { WorkerProcess } from "./worker-process.ts";

export interface CodeSandboxOptions {
  /** Processes for each language, each of which takes about 400 MB and one core. Started when first needed. */
  readonly workers?: number;
  readonly limits?: Partial<ProgramLimits>;
}

/** A program that kills its process is tried once more, since the machine may have done it. */
const ATTEMPTS = 2;

interface Waiting {
  readonly resolve: (worker: WorkerProcess) => void;
  readonly reject: (error: unknown) => void;
}

/** The workers of one language. */
class Workers {
  private readonly language: WorkerLanguage;
  private readonly limits: ProgramLimits;
  private readonly size: number;
  private readonly idle: WorkerProcess[] = [];
  private readonly all = new Set<WorkerProcess>();
  private readonly waiting: Waiting[] = [];
  private starting = 0;
  private image: InterpreterImage | undefined;
  private isClosed = false;

  constructor(language: WorkerLanguage, limits: ProgramLimits, size: number) {
    this.language = language;
    this.limits = limits;
    this.size = size;
  }

  take(): Promise<WorkerProcess> {
    if (this.isClosed) return Promise.reject(closed());
    const worker = this.idle.pop();
    if (worker) return Promise.resolve(worker);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.grow();
    });
  }

  give(worker: WorkerProcess): void {
    if (this.isClosed) {
      worker.stop();
      return;
    }
    const first = this.waiting.shift();
    if (first) first.resolve(worker);
    else this.idle.push(worker);
  }

  /** The worker is gone, or not to be used again; another is started at once, so that the next program need not wait. */
  drop(worker: WorkerProcess): void {
    worker.stop();
    this.all.delete(worker);
    if (!this.isClosed) this.grow(1);
  }

  close(): void {
    this.isClosed = true;
    for (const worker of this.all) worker.stop();
    this.all.clear();
    this.idle.length = 0;
    for (const { reject } of this.waiting.splice(0)) reject(closed());
  }

  /** Starts what is missing. Python's first worker starts alone: the others begin with the image that it makes. */
  private grow(spare = 0): void {
    const mustBeAlone = this.language === "python" && this.image === undefined;
    const wanted = this.waiting.length + spare - this.starting;
    const room = mustBeAlone ? 1 - this.starting : this.size - this.all.size;
    for (let count = Math.min(wanted, room, this.size - this.all.size); count > 0; count--) this.startOne();
  }

  private startOne(): void {
    const worker = new WorkerProcess(this.limits);
    this.all.add(worker);
    this.starting++;
    worker.start(this.language, this.image).then(
      (image) => {
        this.starting--;
        this.image ??= image;
        this.give(worker);
        this.grow();
      },
      (error: unknown) => {
        this.starting--;
        this.all.delete(worker);
        for (const { reject } of this.waiting.splice(0)) reject(this.isClosed ? closed() : error);
      },
    );
  }
}

const closed = (): TuttiError =>
  new TuttiError("JUDGE_FAILED", "the sandbox is closed", { hint: "make a new one" });

/**
 * Runs programs in processes of their own: without network, files and environment of the host, within limits of time and memory,
 * each from the same state. docs/judges-code.md says what that is worth.
 */
export class CodeSandbox {
  readonly limits: ProgramLimits;
  private readonly workers: Readonly<Record<WorkerLanguage, Workers>>;

  constructor({ workers = 1, limits = {} }: CodeSandboxOptions = {}) {
    if (!Number.isInteger(workers) || workers < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `workers is ${workers}`, {
        hint: "give a whole number from 1",
      });
    }
    this.limits = { ...DEFAULT_PROGRAM_LIMITS, ...limits };
    for (const [name, value] of Object.entries(this.limits)) {
      if (Number.isFinite(value) && value > 0) continue;
      throw new TuttiError("INVALID_ARGUMENT", `limits.${name} is ${value}`, {
        hint: "give a positive number",
      });
    }
    this.workers = {
      python: new Workers("python", this.limits, workers),
      javascript: new Workers("javascript", this.limits, workers),
    };
  }

  async run(program: Program, signal?: AbortSignal): Promise<ProgramOutcome> {
    const workers = this.workers[program.language === "python" ? "python" : "javascript"];
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      signal?.throwIfAborted();
      const worker = await workers.take();
      if (signal?.aborted) workers.give(worker);
      signal?.throwIfAborted();
      const abort = (): void => worker.stop();
      signal?.addEventListener("abort", abort);
      const run = await worker.run(program).finally(() => signal?.removeEventListener("abort", abort));
      if (run?.isUsable) workers.give(worker);
      else workers.drop(worker);
      signal?.throwIfAborted();
      if (run) return run.outcome;
    }
    const failure = { type: "ProcessDied", message: "the program ended its process, twice" };
    return { verdict: "error", passed: 0, total: 0, failure, output: "", seconds: 0 };
  }

  /** Ends all processes. */
  close(): Promise<void> {
    for (const workers of Object.values(this.workers)) workers.close();
    return Promise.resolve();
  }
}
