/** What may be spent, in dollars or tokens: every call reserves the most that it may cost before it begins. */

export interface BudgetLimits {
  readonly usd?: number | undefined;
  /** Of prompts and answers. */
  readonly tokens?: number | undefined;
}

export interface Spending {
  readonly usd: number;
  readonly tokens: number;
}

export interface Reservation {
  /** The call is over and cost this much. */
  settle(actual: Spending): void;
}

interface Waiter {
  readonly expected: Spending;
  readonly resolve: (reservation: Reservation | undefined) => void;
}

/** Rounding in sums of many small prices. */
const TOLERANCE = 1e-12;

/**
 * Spending and reservations together never pass the limits, as long as no call costs more than it reserved. What is reserved
 * and then not spent becomes free for others, so little of the budget is left over.
 */
export class Budget {
  readonly #limits: BudgetLimits;
  readonly #waiters: Waiter[] = [];
  #spentUsd: number;
  #spentTokens: number;
  #reservedUsd = 0;
  #reservedTokens = 0;
  #open = 0;

  /** @param spent what earlier runs have spent of it */
  constructor(limits: BudgetLimits, spent: Spending = { usd: 0, tokens: 0 }) {
    this.#limits = limits;
    this.#spentUsd = spent.usd;
    this.#spentTokens = spent.tokens;
  }

  get spent(): Spending {
    return { usd: this.#spentUsd, tokens: this.#spentTokens };
  }

  /** Waits for calls under way while there is no room; undefined when there is none even without them. */
  reserve(expected: Spending): Promise<Reservation | undefined> {
    return new Promise((resolve) => {
      this.#waiters.push({ expected, resolve });
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      const { expected, resolve } = this.#waiters[0]!;
      const hasRoom = this.#hasRoom(expected);
      if (!hasRoom && this.#open > 0) return;
      this.#waiters.shift();
      resolve(hasRoom ? this.#take(expected) : undefined);
    }
  }

  #hasRoom(expected: Spending): boolean {
    const { usd = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = this.#limits;
    return (
      this.#spentUsd + this.#reservedUsd + expected.usd <= usd + TOLERANCE &&
      this.#spentTokens + this.#reservedTokens + expected.tokens <= tokens
    );
  }

  #take(expected: Spending): Reservation {
    this.#open++;
    this.#reservedUsd += expected.usd;
    this.#reservedTokens += expected.tokens;
    let isOpen = true;
    return {
      settle: (actual) => {
        if (!isOpen) return;
        isOpen = false;
        this.#open--;
        this.#reservedUsd = this.#open === 0 ? 0 : this.#reservedUsd - expected.usd;
        this.#reservedTokens -= expected.tokens;
        this.#spentUsd += actual.usd;
        this.#spentTokens += actual.tokens;
        this.#serve();
      },
    };
  }
}
