/** The items that a worker holds: renewed while they are worked on, finished in groups, given back at the end. */
import type { FinishedItem, JudgedStore } from "../../judged/index.ts";

export interface LeaseOptions {
  readonly store: JudgedStore;
  readonly job: string;
  readonly worker: string;
  readonly leaseMs: number;
}

/** Renewals in a lease's time: one may fail or be late without the lease being lost. */
export const RENEWALS_A_LEASE = 3;
/** Answers that come within this time are written in one transaction; what a killed process had not written is asked again. */
const GROUP_MS = 50;

export class Leases {
  readonly #options: LeaseOptions;
  /** What ends the work on an item once its lease is lost. */
  readonly #held = new Map<string, AbortController>();
  #finished: FinishedItem[] = [];
  #group: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failure: unknown;
  readonly #timer: NodeJS.Timeout;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#renew(), options.leaseMs / RENEWALS_A_LEASE);
  }

  /** What went wrong with the store while nobody was waiting for it. */
  get failure(): unknown {
    return this.#failure;
  }

  /** New items, at most `limit`. */
  async claim(limit: number): Promise<readonly string[]> {
    const { store, job, worker, leaseMs } = this.#options;
    const items = await store.work.claim(job, worker, limit, leaseMs);
    for (const item of items) this.#held.set(item, new AbortController());
    return items;
  }

  /** Aborts when the item's lease is lost: another worker has it then. Undefined when it is lost already. */
  signalOf(item: string): AbortSignal | undefined {
    return this.#held.get(item)?.signal;
  }

  /** Writes the item's rows, together with those of others that come at about the same time: an item counts once it is written. */
  finish(item: FinishedItem): void {
    this.#finished.push(item);
    this.#group ??= setTimeout(() => void this.#write(), GROUP_MS);
  }

  /** Waits until all that is finished is written. @throws what the store throws */
  async flush(): Promise<void> {
    await this.#write();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Gives back what is not finished, once what is has been written. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#write();
    const { store, job, worker } = this.#options;
    const left = [...this.#held.keys()];
    this.#held.clear();
    if (left.length > 0) await store.work.release(job, worker, left);
  }

  /** One transaction at a time; after a failure nothing more is written. */
  async #write(): Promise<void> {
    clearTimeout(this.#group);
    this.#group = undefined;
    while (this.#writing !== undefined) await this.#writing;
    if (this.#finished.length === 0 || this.#failure !== undefined) return;
    const group = this.#finished;
    this.#finished = [];
    const { store, job, worker } = this.#options;
    this.#writing = store.work
      .finish(job, worker, group)
      .then(
        () => {
          for (const { item } of group) this.#held.delete(item);
        },
        (failure: unknown) => {
          this.#failure = failure;
        },
      )
      .finally(() => {
        this.#writing = undefined;
      });
    await this.#writing;
  }

  async #renew(): Promise<void> {
    const { store, job, worker, leaseMs } = this.#options;
    const held = [...this.#held.keys()];
    if (held.length === 0) return;
    try {
      const kept = new Set(await store.work.renew(job, worker, held, leaseMs));
      for (const item of held) {
        const controller = this.#held.get(item);
        if (kept.has(item) || controller === undefined) continue;
        this.#held.delete(item);
        controller.abort(new Error(`the lease of ${item} was lost`));
      }
    } catch (failure) {
      this.#failure ??= failure;
    }
  }
}
