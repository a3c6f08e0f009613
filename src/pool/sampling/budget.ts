/** What jobs may spend, in dollars or tokens, together with every other process that works on them. */
import type { BudgetLimits, ItemReservation, JudgedStore, Spending } from "../../judged/index.ts";

/** `all`: every item has room. `wait`: what is under way may leave room. `exhausted`: nothing is under way that could. */
export type Room = { readonly granted: number } | "wait" | "exhausted";

/**
 * Spending and reservations together never pass the limits, whoever spends and reserves, as long as no call costs more than it
 * reserved. What is reserved and then not spent becomes free for others, so little of the budget is left over.
 */
export class JobBudget {
  readonly #store: JudgedStore;
  readonly #jobs: readonly string[];
  readonly #limits: BudgetLimits;

  /** @param jobs all that share the budget */
  constructor(store: JudgedStore, jobs: readonly string[], limits: BudgetLimits = {}) {
    this.#store = store;
    this.#jobs = jobs;
    this.#limits = limits;
  }

  get isLimited(): boolean {
    return this.#limits.usd !== undefined || this.#limits.tokens !== undefined;
  }

  /** Of all jobs, by whichever process or earlier run. */
  spent(): Promise<Spending> {
    return this.#store.work.spent(this.#jobs);
  }

  /** Reserves for items that the worker holds, from the first on. */
  async reserve(job: string, worker: string, items: readonly ItemReservation[]): Promise<Room> {
    const { granted, open } = await this.#store.work.reserve(
      { job, worker, items },
      this.#jobs,
      this.#limits,
    );
    if (granted > 0) return { granted };
    return open > 0 ? "wait" : "exhausted";
  }
}
