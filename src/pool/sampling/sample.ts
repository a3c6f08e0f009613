/** Samples answers of several models to the prompts of a store, together with every other process that does the same. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { BudgetLimits, JudgedStore, Spending } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { reportRegularly } from "../../support/regular-reports.ts";
import { AdaptiveConcurrency } from "./adaptive-concurrency.ts";
import { type BatchOptions, BatchWorker } from "./batch-worker.ts";
import { JobBudget } from "./budget.ts";
import { JobWorker } from "./job-worker.ts";
import { enqueue, type ModelSampling, planJob, type SamplingJob, type SamplingScope } from "./plan.ts";
import type { JobEnd } from "./queue-worker.ts";
import { SharedLimiter } from "./shared-limiter.ts";
import type { JobTally } from "./tally.ts";

export interface SamplingOptions extends SamplingScope {
  readonly store: JudgedStore;
  readonly models: readonly ModelSampling[];
  /**
   * Of the jobs as a whole: what their answers in the store have cost before counts. Processes that run at the same time do
   * not see each other's spending.
   */
  readonly budget?: BudgetLimits | undefined;
  /** Most calls at once to one endpoint, where the pool gives no other number. @default 64 */
  readonly maxConcurrency?: number | undefined;
  /** After how long without a sign of life the items of a process are given to others. @default 60 s */
  readonly leaseMs?: number | undefined;
  /**
   * Asks in batches, for half the price and within a day. Batches outlive the process: the same call made again goes on with them.
   * Default: every answer is asked by itself.
   */
  readonly batch?: BatchOptions | undefined;
  /** On abort nothing new is begun, and answers under way are still taken and kept. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SamplingProgress) => void) | undefined;
}

export interface SamplingProgress {
  /** Answers that the jobs want. */
  readonly total: number;
  /** Settled, by whichever process or earlier run. */
  readonly done: number;
  /** On the jobs, by whichever process or earlier run. */
  readonly spent: Spending;
  /** Failed attempts of this process by code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Calls under way. */
  readonly underWay: number;
  /** Batches that this process looks after, and how many of their requests the providers are done with. */
  readonly batches?: { readonly batches: number; readonly done: number; readonly total: number };
}

export interface SamplingReport {
  readonly total: number;
  readonly done: number;
  /** What this process did, a model each. */
  readonly models: readonly (JobTally & { readonly end: JobEnd })[];
  readonly spent: Spending;
}

const DEFAULT_LEASE_MS = 60_000;
const DEFAULT_MOST = 64;

/**
 * Puts the missing answers into the store's work queue and works until nothing is open. The same call made again, or by other
 * processes on the same store, works on what is left of the same jobs: every answer has one key and is written once.
 *
 * @throws {TuttiError} STORE_*; INVALID_ARGUMENT: batches of a model that has none, or batches under way and no `batch`; failures of
 *   models are in the report, and end only the job of their model
 */
export async function sample(options: SamplingOptions): Promise<SamplingReport> {
  const { store, prompts, seed, leaseMs = DEFAULT_LEASE_MS } = options;
  const signal = options.signal ?? new AbortController().signal;
  const scope = { prompts, seed };
  const jobs: SamplingJob[] = [];
  for (const model of options.models) jobs.push(await planJob(model, scope));
  for (const job of jobs) await checkBatches(store, job, options.batch);
  let total = 0;
  for (const job of jobs) total += await enqueue(store, job, prompts, signal);
  const names = jobs.map(({ name }) => name);
  const budget = new JobBudget(store, names, options.budget);
  const concurrencies = concurrencyByEndpoint(jobs, options.maxConcurrency);
  const worker = `${hostname()}:${process.pid}:${randomBytes(4).toString("hex")}`;
  const shared = { store, worker, leaseMs, budget, signal };
  const workers = jobs.map((job) =>
    options.batch === undefined
      ? new JobWorker({
          ...{ ...shared, job },
          concurrency: concurrencies.get(endpointOf(job))!,
          limiter: limiterOf(store, job),
        })
      : new BatchWorker({ ...shared, job, endpoint: job.model.upstream.batch!, batch: options.batch }),
  );
  const progressNow = async (): Promise<SamplingProgress> => ({
    total,
    done: Math.max(0, total - (await openItems(store, jobs))),
    spent: await budget.spent(),
    failures: sumOfFailures(workers.map(({ tally }) => tally)),
    underWay: [...concurrencies.values()].reduce((sum, { running }) => sum + running, 0),
    ...(options.batch && { batches: countsOf(workers.filter((one) => one instanceof BatchWorker)) }),
  });
  const stopReporting = reportRegularly(progressNow, options.onProgress);
  try {
    const ends = await allSettledOrThrow(workers.map((one) => one.run()));
    const { done } = await progressNow();
    const models = workers.map(({ tally }, index) => ({ ...plainTally(tally), end: ends[index]! }));
    return { total, done, models, spent: await budget.spent() };
  } finally {
    await stopReporting();
  }
}

/** Batches of one command look after themselves: nothing else may ask for what is in them. */
async function checkBatches(
  store: JudgedStore,
  { name, model }: SamplingJob,
  batch: BatchOptions | undefined,
): Promise<void> {
  if (batch !== undefined) {
    if (model.upstream.batch !== undefined) return;
    throw new TuttiError("INVALID_ARGUMENT", `model "${model.name}": its provider has no batches`, {
      details: { model: model.name },
      hint: "batches are sold by OpenAI-compatible and Anthropic endpoints; name other models only",
    });
  }
  const { batches, requests } = await store.batches.open(name);
  if (batches === 0) return;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `model "${model.name}": ${requests} requests are under way in ${batches} batches`,
    {
      details: { model: model.name, batches, requests },
      hint: "fetch them with --batch, or take them back with --cancel",
    },
  );
}

function countsOf(workers: readonly BatchWorker[]): NonNullable<SamplingProgress["batches"]> {
  const counts = workers.map((worker) => worker.counts);
  const sum = (name: "batches" | "done" | "total"): number =>
    counts.reduce((total, { [name]: count }) => total + count, 0);
  return { batches: sum("batches"), done: sum("done"), total: sum("total") };
}

const endpointOf = ({ model }: SamplingJob): string => model.endpoint ?? model.name;

/** Processes with one pool file name a model alike. */
function limiterOf(store: JudgedStore, { model }: SamplingJob): SharedLimiter | undefined {
  const { requestsPerMinute: callsPerMinute, tokensPerMinute } = model.limits ?? {};
  if (callsPerMinute === undefined && tokensPerMinute === undefined) return undefined;
  return new SharedLimiter(store, model.name, { callsPerMinute, tokensPerMinute });
}

/** Models behind one endpoint share what it can take; a model in this process takes its whole batch from the start. */
function concurrencyByEndpoint(
  jobs: readonly SamplingJob[],
  fallback = DEFAULT_MOST,
): Map<string, AdaptiveConcurrency> {
  const mostOf = new Map<string, number>();
  for (const job of jobs) {
    const most = job.model.maxConcurrency ?? fallback;
    mostOf.set(endpointOf(job), Math.max(mostOf.get(endpointOf(job)) ?? 1, most));
  }
  const isLocal = new Set(jobs.filter(({ model }) => model.provider === "local").map(endpointOf));
  return new Map(
    [...mostOf].map(([endpoint, most]) => [
      endpoint,
      new AdaptiveConcurrency({ most, ...(isLocal.has(endpoint) && { start: most }) }),
    ]),
  );
}

async function openItems(store: JudgedStore, jobs: readonly SamplingJob[]): Promise<number> {
  let count = 0;
  for (const { name } of jobs) {
    const { open, leased, failed } = await store.work.progress(name);
    count += open + leased + failed;
  }
  return count;
}

function sumOfFailures(tallies: readonly JobTally[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { failures } of tallies) {
    for (const [code, count] of Object.entries(failures)) sum[code] = (sum[code] ?? 0) + count;
  }
  return sum;
}

function plainTally(tally: JobTally): JobTally {
  const { model, job, statuses, failures, promptTokens, completionTokens, costUsd } = tally;
  return { model, job, statuses, failures, promptTokens, completionTokens, costUsd };
}

/** Waits for all, so that no job is cut off by the failure of another; then throws the first failure. */
async function allSettledOrThrow(runs: readonly Promise<JobEnd>[]): Promise<JobEnd[]> {
  const results = await Promise.allSettled(runs);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason as TuttiError;
  return results.map((result) => (result as PromiseFulfilledResult<JobEnd>).value);
}
