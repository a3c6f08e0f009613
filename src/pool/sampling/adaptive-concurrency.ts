/**
 * How many calls a provider gets at once, found by trying: additive increase, multiplicative decrease (Chiu and Jain, "Analysis
 * of the increase and decrease algorithms for congestion avoidance", 1989), with TCP's slow start before the first overload.
 */

export interface ConcurrencyOptions {
  /** @default 4 */
  readonly start?: number;
  readonly most: number;
}

/** Leave to have one call under way. */
export interface Slot {
  /** Another attempt of the call begins. */
  restart(): void;
  /** The provider had too much. */
  overloaded(): void;
  /** The call is over; `isSuccess` lets the limit grow. */
  release(isSuccess: boolean): void;
}

/** What remains of the limit after an overload: near enough to it that little throughput is lost while it grows back. */
const DECREASE_FACTOR = 0.9;
const DEFAULT_START = 4;

export class AdaptiveConcurrency {
  readonly #most: number;
  readonly #waiters: (() => void)[] = [];
  #limit: number;
  #running = 0;
  #isSlowStart = true;
  /** Attempts so far; those that began before the last decrease say nothing new. */
  #attempts = 0;
  #attemptsAtDecrease = 0;

  constructor({ start = DEFAULT_START, most }: ConcurrencyOptions) {
    this.#most = most;
    this.#limit = Math.min(start, most);
  }

  /** Calls that may be under way. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  get running(): number {
    return this.#running;
  }

  /** Waits until a call may begin. First come, first served. */
  async acquire(): Promise<Slot> {
    if (this.#running >= this.limit || this.#waiters.length > 0) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    } else {
      this.#running++;
    }
    return this.#slot();
  }

  #slot(): Slot {
    let attempt = ++this.#attempts;
    let isOpen = true;
    return {
      restart: () => {
        attempt = ++this.#attempts;
      },
      overloaded: () => {
        if (attempt <= this.#attemptsAtDecrease) return;
        this.#attemptsAtDecrease = this.#attempts;
        this.#isSlowStart = false;
        // What was under way when it became too much, if that was less than allowed.
        this.#limit = Math.max(1, DECREASE_FACTOR * Math.min(this.#limit, this.#running));
      },
      release: (isSuccess) => {
        if (!isOpen) return;
        isOpen = false;
        const isUsed = this.#running >= this.limit;
        this.#running--;
        if (isSuccess && isUsed) this.#grow();
        this.#wake();
      },
    };
  }

  /** One more call after a round of successes; during slow start twice as many. */
  #grow(): void {
    this.#limit = Math.min(this.#most, this.#limit + (this.#isSlowStart ? 1 : 1 / this.#limit));
  }

  #wake(): void {
    while (this.#waiters.length > 0 && this.#running < this.limit) {
      this.#running++;
      this.#waiters.shift()!();
    }
  }
}
