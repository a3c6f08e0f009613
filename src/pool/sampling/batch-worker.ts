/** Samples the answers of one model's job in batches, which outlive this process. */
import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { JudgedStore, OpenBatch } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { ModelPricing } from "../pricing.ts";
import { isRetryable } from "../retries.ts";
import type { BatchEndpoint } from "../upstream.ts";
import { BatchRun, type BatchSetting, batchRequest } from "./batch-run.ts";
import type { JobBudget } from "./budget.ts";
import { RENEWALS_A_LEASE } from "./leases.ts";
import type { SamplingJob } from "./plan.ts";
import { type JobEnd, MOST_FAILURES_IN_A_ROW } from "./queue-worker.ts";
import { type Asked, mostSpent, readItems } from "./requests.ts";
import { Tally } from "./tally.ts";

export interface BatchOptions {
  /** Between looks at the batches. @default 30 s */
  readonly pollMs?: number | undefined;
  /** Most requests of a batch, below what the provider takes. @default 10,000 */
  readonly mostRequests?: number | undefined;
  /** How long after it was asked a provider may still take a batch that it has not answered for. @default 120 s */
  readonly graceMs?: number | undefined;
  /** Takes back what is under way, keeps what is answered, and begins nothing. */
  readonly isCancelling?: boolean | undefined;
}

export interface BatchWorkerOptions {
  readonly store: JudgedStore;
  readonly job: SamplingJob;
  readonly endpoint: BatchEndpoint;
  /** Unique among all processes. */
  readonly worker: string;
  readonly leaseMs: number;
  readonly budget: JobBudget;
  /** On abort the batches are left to the provider and a later run. */
  readonly signal: AbortSignal;
  readonly batch: BatchOptions;
}

/** Batches cost half at both providers that sell them. */
const PRICE_SHARE = 0.5;
const POLL_MS = 30_000;
const GRACE_MS = 120_000;
const MOST_REQUESTS = 10_000;

export class BatchWorker {
  readonly tally: Tally;
  readonly #options: BatchWorkerOptions;
  readonly #pricing: ModelPricing;
  readonly #setting: BatchSetting;
  readonly #runs = new Map<string, BatchRun>();
  /** What is reserved leaves no room for another batch; a batch that settles may. */
  #isWaitingForRoom = false;
  #failuresInARow = 0;
  #end: JobEnd | undefined;
  #broken: unknown;

  constructor(options: BatchWorkerOptions) {
    const { store, job, endpoint, batch } = options;
    this.#options = options;
    this.tally = new Tally(job.model.name, job.name);
    this.#pricing = batchPricing(job.model.pricing);
    this.#setting = {
      ...{ store, job, endpoint, pricing: this.#pricing, tally: this.tally },
      graceMs: batch.graceMs ?? GRACE_MS,
    };
  }

  /** Of the batches that this process looks after, as the provider last said. */
  get counts(): { readonly batches: number; readonly done: number; readonly total: number } {
    const counts = [...this.#runs.values()].map((run) => run.counts);
    return {
      batches: counts.length,
      done: counts.reduce((sum, { done }) => sum + done, 0),
      total: counts.reduce((sum, { total }) => sum + total, 0),
    };
  }

  /** @throws what the store throws; failures of the model are counted, or end the job and are returned */
  async run(): Promise<JobEnd> {
    const { signal, batch, leaseMs, store, worker } = this.#options;
    const renewal = setInterval(() => void this.#renew(), leaseMs / RENEWALS_A_LEASE);
    try {
      while (this.#end === undefined) {
        if (signal.aborted) return "interrupted";
        await this.#takeOver();
        if (!batch.isCancelling) await this.#planAll();
        await this.#stepAll();
        this.#end ??= await this.#endNow();
        if (this.#end === undefined) await pause(batch.pollMs ?? POLL_MS, signal);
      }
      return this.#end;
    } finally {
      clearInterval(renewal);
      await store.batches.release(worker);
    }
  }

  /** Batches of processes that are gone come first: what they asked for is paid. */
  async #takeOver(): Promise<void> {
    const { store, job, worker, leaseMs } = this.#options;
    for (const batch of await store.batches.take(job.name, worker, leaseMs)) this.#keep(batch);
  }

  #keep(batch: OpenBatch): void {
    this.#runs.set(batch.name, new BatchRun(this.#setting, batch));
  }

  /** Puts all that is open into batches, as far as the budget allows. */
  async #planAll(): Promise<void> {
    try {
      while (!this.#options.signal.aborted && !this.#isWaitingForRoom && (await this.#planOne()));
    } catch (failure) {
      this.#failed(failure);
    }
  }

  /**
   * Until the batch is written down its items are leased as to any worker; from then on they are the batch's. Returns whether there
   * may be more.
   */
  async #planOne(): Promise<boolean> {
    const { store, job, worker, leaseMs, endpoint, batch } = this.#options;
    const name = `tutti-${randomBytes(12).toString("hex")}`;
    const most = Math.min(endpoint.mostRequests, batch.mostRequests ?? MOST_REQUESTS);
    const claimed = await store.work.claim(job.name, name, most, leaseMs);
    if (claimed.length === 0) return false;
    const giveBack = (items: readonly string[]): Promise<void> => store.work.release(job.name, name, items);
    let fitting: readonly Asked[];
    try {
      const { ready, settled } = await readItems(store, job, claimed);
      await store.work.finish(job.name, name, settled);
      if (ready.length === 0) return true;
      fitting = await this.#paidFor(name, this.#withinSize(ready));
      await giveBack(ready.slice(fitting.length).map(({ item }) => item));
    } catch (failure) {
      await giveBack(claimed);
      throw failure;
    }
    if (fitting.length === 0) return false;
    const items = await store.batches.plan(job.name, name, worker, leaseMs);
    if (items.length > 0) this.#keep({ name, job: job.name, requests: items.length, items });
    return true;
  }

  #withinSize(ready: readonly Asked[]): readonly Asked[] {
    const { endpoint, job } = this.#options;
    let bytes = 0;
    const over = ready.findIndex((asked) => {
      bytes += endpoint.sizeBytes(batchRequest(job, asked));
      return bytes > endpoint.mostBytes;
    });
    // A request that is too large alone is for the provider to refuse.
    return over < 0 ? ready : ready.slice(0, Math.max(1, over));
  }

  async #paidFor(name: string, ready: readonly Asked[]): Promise<readonly Asked[]> {
    const { budget, job } = this.#options;
    if (!budget.isLimited) return ready;
    const most = { pricing: this.#pricing, tally: this.tally };
    const items = ready.map(({ item, prompt }) => ({ item, ...mostSpent(job, prompt, most) }));
    const room = await budget.reserve(job.name, name, items);
    if (room === "exhausted" && this.#runs.size === 0) this.#end ??= "budget";
    const granted = typeof room === "string" ? 0 : room.granted;
    this.#isWaitingForRoom = granted < ready.length && this.#runs.size + granted > 0;
    return ready.slice(0, granted);
  }

  async #stepAll(): Promise<void> {
    for (const [name, run] of [...this.#runs]) {
      if (this.#broken !== undefined) throw this.#broken;
      try {
        if (await run.step(this.#options.batch.isCancelling === true)) this.#forget(name);
        this.#failuresInARow = 0;
      } catch (failure) {
        // One that was taken over by another process is that one's to report on.
        if (this.#runs.get(name) === run) this.#failed(failure);
      }
    }
  }

  #forget(name: string): void {
    this.#runs.delete(name);
    this.#isWaitingForRoom = false;
  }

  #failed(failure: unknown): void {
    if (!TuttiError.is(failure) || failure.code.startsWith("STORE_")) throw failure;
    this.tally.addFailure(failure);
    this.#failuresInARow++;
    if (!isRetryable(failure) || this.#failuresInARow >= MOST_FAILURES_IN_A_ROW) this.#end ??= failure;
  }

  async #endNow(): Promise<JobEnd | undefined> {
    const { store, job, batch } = this.#options;
    if (batch.isCancelling) {
      return (await store.batches.open(job.name)).batches === 0 ? "cancelled" : undefined;
    }
    const { open, leased } = await store.work.progress(job.name);
    return open + leased === 0 ? "done" : undefined;
  }

  async #renew(): Promise<void> {
    const { store, worker, leaseMs } = this.#options;
    const held = [...this.#runs];
    try {
      const kept = new Set(await store.batches.renew(worker, leaseMs));
      for (const [name, run] of held) {
        if (kept.has(name) || run.isSettled || this.#runs.get(name) !== run) continue;
        this.#forget(name);
        run.abandon();
      }
    } catch (failure) {
      this.#broken ??= failure;
    }
  }
}

export function batchPricing(pricing: ModelPricing): ModelPricing {
  return {
    inputCostUsdPerMillionTokens: PRICE_SHARE * pricing.inputCostUsdPerMillionTokens,
    outputCostUsdPerMillionTokens: PRICE_SHARE * pricing.outputCostUsdPerMillionTokens,
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(milliseconds, undefined, { signal });
  } catch {
    // Interrupted: the caller looks at the signal.
  }
}
