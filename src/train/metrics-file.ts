/** metrics.jsonl: one JSON object a line, in step order, without gaps or repeats even after `kill -9`. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { writeFileAtomic } from "../support/atomic-file.ts";

/** One line of metrics.jsonl. Everything but the three measurements is a function of the seed. */
export interface StepMetrics {
  /** From 0. */
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRateMultiplier: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** The score that the best parameters are chosen by, and what was measured beside it. */
  readonly validation?: number;
  readonly validationMetrics?: Readonly<Record<string, number>>;
  readonly stepSeconds: number;
  /** The longest time that the step held up the event loop. */
  readonly eventLoopDelaySeconds: number;
  readonly peakMemoryBytes: number;
}

export class MetricsFile {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true });
  }

  append(metrics: StepMetrics): void {
    appendFileSync(this.path, `${JSON.stringify(metrics)}\n`);
  }

  /** Keeps the lines of steps before `step`: what a run resumed there will not write again. */
  truncateTo(step: number): void {
    if (!existsSync(this.path)) return;
    const kept = readMetrics(this.path).filter((line) => line.step < step);
    writeFileAtomic(this.path, kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
}

/** All complete lines; a last line cut by a crash is left out. */
export function readMetrics(path: string): StepMetrics[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as StepMetrics);
}
