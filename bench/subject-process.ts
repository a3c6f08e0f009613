/**
 * A subject's process: it prepares once, says "ready" (and on the same line, where it has more to say, figures of itself as a
 * JSON object), then answers every "round" line with {seconds, peakRssBytes, cells?}.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Subject } from "./subject.ts";

const ROOT = join(import.meta.dirname, "..");

export interface Measurement {
  readonly seconds: number;
  readonly peakRssBytes: number;
  /** What else a round measured, by name; medians and ranges of each are reported. */
  readonly cells?: Readonly<Record<string, number>>;
}

export class SubjectProcess {
  private readonly child: ChildProcess;
  private readonly lines: Interface;
  private readonly waiting: ((line: string | undefined) => void)[] = [];
  private readonly ready: string[] = [];
  private errors = "";
  private hasEnded = false;
  private signal: NodeJS.Signals | null = null;

  constructor(subject: Subject, threads: number) {
    const script = join(ROOT, "bench", subject.script);
    const [command, args] =
      subject.runtime === "python"
        ? [process.env.TUTTI_PYTHON ?? "python3", [script, ...subject.args, "--threads", String(threads)]]
        : [process.execPath, ["--import", "tsx", script, ...subject.args, "--threads", String(threads)]];
    // OPENBLAS_* settings of some machines slow a current PyTorch's neighbours; peers get their own defaults.
    const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...environment } = process.env;
    this.child = spawn(command, args, { cwd: ROOT, env: environment, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr?.on("data", (chunk) => {
      this.errors = (this.errors + String(chunk)).slice(-4000);
    });
    this.lines = createInterface({ input: this.child.stdout! });
    this.lines.on("line", (line) => {
      const next = this.waiting.shift();
      if (next) next(line);
      else this.ready.push(line);
    });
    const end = (): void => {
      this.hasEnded = true;
      for (const next of this.waiting.splice(0)) next(undefined);
    };
    this.child.once("error", (error) => {
      this.errors += error.message;
      end();
    });
    this.child.once("close", (_, signal) => {
      this.signal = signal;
      end();
    });
  }

  /** Waits for the process to be prepared; returns its figures. @throws with what it said on stderr */
  async prepare(): Promise<Readonly<Record<string, number>>> {
    const line = await this.nextLine();
    const [word, figures] = line?.match(/^(ready)(?: (\{.*\}))?$/)?.slice(1) ?? [];
    if (word === undefined) throw new Error(this.reason(line));
    return figures === undefined ? {} : (JSON.parse(figures) as Record<string, number>);
  }

  async round(): Promise<Measurement> {
    this.child.stdin?.write("round\n");
    const line = await this.nextLine();
    if (line === undefined) throw new Error(this.reason(line));
    return JSON.parse(line) as Measurement;
  }

  stop(): void {
    this.child.stdin?.end();
    this.child.kill();
  }

  private nextLine(): Promise<string | undefined> {
    const line = this.ready.shift();
    if (line !== undefined || this.hasEnded) return Promise.resolve(line);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private reason(line: string | undefined): string {
    if (this.signal === "SIGKILL") return "the system killed it, most likely for want of memory";
    const last = this.errors.trim().split("\n").at(-1) ?? "";
    return line === undefined ? last || "the process ended without a word" : `unexpected line ${line}`;
  }
}
