/** Judges the answers of a store, together with every other process that does the same. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { BudgetLimits, JudgedStore, Spending } from "../../judged/index.ts";
import type { JobEnd } from "../../pool/index.ts";
import { AdaptiveConcurrency } from "../../pool/sampling/adaptive-concurrency.ts";
import { JobBudget } from "../../pool/sampling/budget.ts";
import { reportRegularly } from "../../support/regular-reports.ts";
import type { Judge, PairJudge } from "../judge.ts";
import { enqueue, type JudgingScope, planJob } from "./plan.ts";
import type { FailureTally, ModelTally } from "./tally.ts";
import { JudgingWorker } from "./worker.ts";

export interface JudgingOptions extends JudgingScope {
  readonly store: JudgedStore;
  readonly judge: Judge | PairJudge;
  /** Of the job as a whole: what earlier runs and other processes spend counts. */
  readonly budget?: BudgetLimits | undefined;
  /** Most verdicts under way at once, where the judge has no lower limit. @default 64 */
  readonly maxConcurrency?: number | undefined;
  /** After how long without a sign of life the items of a process are given to others. @default 60 s */
  readonly leaseMs?: number | undefined;
  /** On abort nothing new is begun, and verdicts under way are still taken and kept. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: JudgingProgress) => void) | undefined;
}

export interface JudgingProgress {
  /** Verdicts that the job wants. */
  readonly total: number;
  /** Settled, by whichever process or earlier run. */
  readonly done: number;
  /** On the job, by whichever process or earlier run. */
  readonly spent: Spending;
  readonly failures: readonly FailureTally[];
  /** Verdicts under way. */
  readonly underWay: number;
}

export interface JudgingReport {
  readonly judge: string;
  readonly judgeVersion: string;
  /** Name in the work queue, and source of the verdicts. */
  readonly job: string;
  readonly total: number;
  readonly done: number;
  /** Answers, or pairs, of prompts that the judge cannot judge. */
  readonly leftOut: number;
  /** What this process judged. */
  readonly models: readonly ModelTally[];
  readonly failures: readonly FailureTally[];
  readonly spent: Spending;
  readonly end: JobEnd;
}

const DEFAULT_LEASE_MS = 60_000;
const DEFAULT_MOST = 64;

/**
 * Puts the missing verdicts into the store's work queue and works until nothing is open. The same call made again, or by other
 * processes on the same store, works on what is left of the same job: every verdict has one key and is written once.
 *
 * @throws {TuttiError} STORE_*; failures of the judge are in the report
 */
export async function judgeStore(options: JudgingOptions): Promise<JudgingReport> {
  const {
    store,
    judge,
    answers,
    against,
    leaseMs = DEFAULT_LEASE_MS,
    maxConcurrency = DEFAULT_MOST,
  } = options;
  const signal = options.signal ?? new AbortController().signal;
  const job = planJob(judge, { answers, against });
  const { wanted: total, leftOut } = await enqueue(store, job, signal);
  const budget = new JobBudget(store, [job.name], options.budget);
  const most = Math.min(maxConcurrency, judge.maxConcurrency ?? maxConcurrency);
  const concurrency = new AdaptiveConcurrency({ most });
  const name = `${hostname()}:${process.pid}:${randomBytes(4).toString("hex")}`;
  const worker = new JudgingWorker({ store, job, worker: name, leaseMs, concurrency, budget, signal });
  const doneNow = async (): Promise<number> => {
    const { open, leased, failed } = await store.work.progress(job.name);
    return Math.max(0, total - open - leased - failed);
  };
  const progressNow = async (): Promise<JudgingProgress> => ({
    total,
    done: await doneNow(),
    spent: await budget.spent(),
    failures: worker.tally.failures,
    underWay: concurrency.running,
  });
  const stopReporting = reportRegularly(progressNow, options.onProgress);
  try {
    const end = await worker.run();
    const { models, failures } = worker.tally;
    return {
      judge: judge.name,
      judgeVersion: judge.version,
      job: job.name,
      ...{ total, done: await doneNow(), leftOut, models, failures, spent: await budget.spent(), end },
    };
  } finally {
    await stopReporting();
  }
}
