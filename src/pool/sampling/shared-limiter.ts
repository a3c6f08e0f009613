/** Limits of calls and tokens a minute that hold for all processes of a store together. */
import { setTimeout as wait } from "node:timers/promises";
import type { CallLimits, JudgedStore } from "../../judged/index.ts";
import type { Leave } from "../upstream.ts";

interface Waiter {
  readonly tokens: number;
  readonly signal: AbortSignal;
  readonly resolve: (leave: Leave) => void;
  readonly reject: (reason: unknown) => void;
}

/** Calls that are asked leave for at once. */
const MOST_AT_ONCE = 256;
/** Another process may give up what it holds, or correct it downwards. */
const LONGEST_PAUSE_MS = 2_000;

/** Leave is asked for by all calls that wait, in one transaction, and given to them in their order. */
export class SharedLimiter {
  readonly #store: JudgedStore;
  readonly #account: string;
  readonly #limits: CallLimits;
  readonly #waiters: Waiter[] = [];
  readonly #corrections = new Map<string, number>();
  #pump: Promise<void> | undefined;

  constructor(store: JudgedStore, account: string, limits: CallLimits) {
    this.#store = store;
    this.#account = account;
    this.#limits = limits;
  }

  /** @throws the signal's reason when it aborts while the call waits; what the store throws */
  acquire(tokens: number, signal: AbortSignal): Promise<Leave> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        const place = this.#waiters.indexOf(waiter);
        if (place >= 0) this.#waiters.splice(place, 1);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        ...{ tokens, signal, reject },
        resolve: (leave) => {
          signal.removeEventListener("abort", onAbort);
          resolve(leave);
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.push(waiter);
      this.#pump ??= this.#serve().finally(() => {
        this.#pump = undefined;
      });
    });
  }

  /** Writes what calls took beyond or below what they were counted with. */
  async flush(): Promise<void> {
    const corrections = [...this.#corrections];
    this.#corrections.clear();
    for (const [grant, tokens] of corrections) {
      if (tokens !== 0) await this.#store.limits.correct(grant, tokens);
    }
  }

  async #serve(): Promise<void> {
    try {
      while (this.#waiters.length > 0) {
        await this.flush();
        const asking = this.#waiters.slice(0, MOST_AT_ONCE);
        if (asking.length === 0) return;
        const { grant, calls, waitMs } = await this.#store.limits.take(
          this.#account,
          asking.map(({ tokens }) => tokens),
          this.#limits,
        );
        // Who gave up meanwhile keeps its place in the count: what was taken for it lapses with the minute.
        for (const waiter of asking.slice(0, calls)) this.#give(waiter, grant);
        if (calls === 0 && this.#waiters.length > 0) await wait(Math.min(waitMs, LONGEST_PAUSE_MS));
      }
    } catch (failure) {
      for (const { reject } of this.#waiters.splice(0)) reject(failure);
    }
  }

  #give(waiter: Waiter, grant: string): void {
    const place = this.#waiters.indexOf(waiter);
    if (place < 0) return;
    this.#waiters.splice(place, 1);
    waiter.resolve({
      settle: (taken) => {
        if (taken === undefined) return;
        this.#corrections.set(grant, (this.#corrections.get(grant) ?? 0) + taken - waiter.tokens);
      },
    });
  }
}
