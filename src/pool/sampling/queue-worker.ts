/** Works on a job of the store until nothing is left of it, as one of possibly many processes that do. */
import { setTimeout as wait } from "node:timers/promises";
import type { JudgedStore, Spending } from "../../judged/index.ts";
import type { TuttiError } from "../../support/errors.ts";
import { createBreather } from "../../support/event-loop.ts";
import type { AdaptiveConcurrency, Slot } from "./adaptive-concurrency.ts";
import type { JobBudget } from "./budget.ts";
import { Leases } from "./leases.ts";
import { isHopeless } from "./outcome.ts";

export interface QueueOptions {
  readonly store: JudgedStore;
  readonly job: { readonly name: string };
  /** Unique among all processes. */
  readonly worker: string;
  readonly leaseMs: number;
  readonly concurrency: AdaptiveConcurrency;
  readonly budget: JobBudget;
  /** Nothing is begun after it aborts; what is under way is waited for. */
  readonly signal: AbortSignal;
}

/**
 * Why a worker stopped: `done` when every item of the job is settled, whoever settled it; `cancelled` when its batches were taken back
 * on request.
 */
export type JobEnd = "done" | "budget" | "interrupted" | "cancelled" | TuttiError;

/** An item that was claimed, with what the work on it needs. */
export interface ReadyItem {
  readonly item: string;
}

/** Most items fetched at once. */
const LARGEST_CLAIM = 256;
/** The next are fetched when fewer than this share of those at work wait: they come before the last has begun. */
const LOW_WATER = 0.5;
/** Between looks at a queue whose items are all with other workers. */
const POLL_MS = 500;
/** Between looks at a budget that what is under way has reserved. */
const BUDGET_POLL_MS = 100;
/** A model or judge that fails as often in a row, whatever it is asked, fails for good. */
export const MOST_FAILURES_IN_A_ROW = 20;

export abstract class QueueWorker<Ready extends ReadyItem> {
  protected readonly leases: Leases;
  readonly #options: QueueOptions;
  /** Items fetched at once, unless more are worked on at once. */
  readonly #leastClaim: number;
  readonly #breathe = createBreather();
  readonly #ready: Ready[] = [];
  /** Those of them, from the first on, for which there is money. */
  #paidFor = 0;
  #claiming: Promise<void> | undefined;
  /** There was nothing to claim; before then another look is not worth it. */
  #nextClaimMs = 0;
  readonly #underWay = new Set<Promise<void>>();
  #failuresInARow = 0;
  #end: JobEnd | undefined;
  /** A failure of ours or of the store, not of what is asked. */
  #broken: unknown;

  constructor(options: QueueOptions, leastClaim = 1) {
    this.#options = options;
    this.#leastClaim = leastClaim;
    const { store, worker, leaseMs, job } = options;
    this.leases = new Leases({ store, job: job.name, worker, leaseMs });
  }

  /** Reads what the items need. Those that need no work (any more) are finished here and left out. */
  protected abstract read(items: readonly string[]): Promise<readonly Ready[]>;

  /** The most that the work on an item may spend. */
  protected abstract expected(next: Ready): Spending;

  /** Releases the slot, and finishes the item unless it is to stay open. */
  protected abstract work(next: Ready, slot: Slot, lease: AbortSignal): Promise<void>;

  /** What else is to be written before the leases are given back. */
  protected async beforeClose(): Promise<void> {}

  /** @throws what the store throws; failures of what is asked are counted, or end the job and are returned */
  async run(): Promise<JobEnd> {
    try {
      while (this.#end === undefined) {
        // Verifiers and SQLite never wait for anything: without this no timer would run, and no Ctrl-C be heard.
        await this.#breathe();
        this.#checkHealth();
        this.#claimWhenLow();
        if (this.#options.signal.aborted) this.#end = "interrupted";
        else if (this.#ready.length > 0) await this.#startNext();
        else if (this.#claiming !== undefined) await this.#claiming;
        else if (this.#underWay.size > 0) await Promise.race(this.#underWay);
        else if (await this.#isSettled()) this.#end = "done";
        else await wait(POLL_MS);
      }
      await Promise.all(this.#underWay);
      await this.leases.flush();
      this.#checkHealth();
      return this.#end;
    } finally {
      await this.#claiming;
      await Promise.all(this.#underWay);
      await this.beforeClose();
      await this.leases.close();
    }
  }

  /** What was asked has answered. */
  protected succeeded(): void {
    this.#failuresInARow = 0;
  }

  /** Counts a failure; true when it ends the job: it says nothing of the item then, which stays open for a later run. */
  protected endsJob(failure: TuttiError): boolean {
    this.#failuresInARow++;
    if (!isHopeless(failure) && this.#failuresInARow < MOST_FAILURES_IN_A_ROW) return false;
    this.#end ??= failure;
    return true;
  }

  #checkHealth(): void {
    const failure = this.#broken ?? this.leases.failure;
    if (failure !== undefined) throw failure;
  }

  /** Fetches more items beside the work, unless enough are waiting or there were none a moment ago. */
  #claimWhenLow(): void {
    const isLow = this.#ready.length <= LOW_WATER * this.#options.concurrency.limit;
    if (!isLow || this.#claiming !== undefined || performance.now() < this.#nextClaimMs) return;
    this.#claiming = this.#claim()
      .catch((failure: unknown) => {
        this.#broken ??= failure;
      })
      .finally(() => {
        this.#claiming = undefined;
      });
  }

  /** No more than are needed: little waits here while another worker has nothing. */
  async #claim(): Promise<void> {
    const limit = Math.max(this.#leastClaim, this.#options.concurrency.limit);
    const items = await this.leases.claim(Math.min(LARGEST_CLAIM, limit));
    if (items.length === 0) this.#nextClaimMs = performance.now() + POLL_MS;
    else this.#ready.push(...(await this.read(items)));
  }

  async #isSettled(): Promise<boolean> {
    await this.leases.flush();
    const { open, leased } = await this.#options.store.work.progress(this.#options.job.name);
    return open + leased === 0;
  }

  /** Begins the next item as soon as concurrency and budget allow one. */
  async #startNext(): Promise<void> {
    const { concurrency, signal } = this.#options;
    if (!(await this.#isPaidFor())) return;
    const slot = await concurrency.acquire();
    const next = this.#ready.shift()!;
    this.#paidFor--;
    const lease = this.leases.signalOf(next.item);
    if (signal.aborted) this.#end ??= "interrupted";
    if (this.#end !== undefined || lease === undefined) return slot.release(false);
    const work: Promise<void> = this.work(next, slot, lease)
      .catch((failure: unknown) => {
        this.#broken ??= failure;
      })
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  /**
   * Whether there is money for the next item. Reserves for all that can begin, and no more: what is dearer than expected shows
   * in what it has cost before the next ones are paid for.
   */
  async #isPaidFor(): Promise<boolean> {
    const { budget, job, worker, concurrency } = this.#options;
    if (!budget.isLimited) this.#paidFor = this.#ready.length;
    if (this.#paidFor > 0) return true;
    const free = Math.max(1, concurrency.limit - concurrency.running);
    await this.leases.flush();
    const items = this.#ready.slice(0, free).map((next) => ({ item: next.item, ...this.expected(next) }));
    const room = await budget.reserve(job.name, worker, items);
    if (room === "exhausted") this.#end ??= "budget";
    else if (room === "wait") await wait(BUDGET_POLL_MS);
    else this.#paidFor = room.granted;
    return this.#paidFor > 0;
  }
}
