/** Limits of one model: calls at once, and calls and tokens in any minute. First come, first served. */

export interface RateLimits {
  /** Calls under way at once. */
  readonly concurrency?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
  /** Tokens of prompts and answers. */
  readonly tokensPerMinute?: number | undefined;
}

/** Leave to make one call. */
export interface Permit {
  /** The call is over, and took this many tokens; without a number the estimate stands. */
  release(tokens?: number): void;
}

interface Entry {
  readonly atMs: number;
  tokens: number;
}

interface Waiter {
  readonly tokens: number;
  readonly start: (permit: Permit) => void;
}

const WINDOW_MS = 60_000;

/**
 * Counts over a sliding window, so that no minute, wherever it begins, holds more than the limits allow. Tokens are counted by
 * estimate when a call starts and by what it took once that is known. A call that is larger than the whole limit of
 * tokens goes alone.
 */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #entries: Entry[] = [];
  readonly #waiters: Waiter[] = [];
  #running = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /** @throws the signal's reason when it aborts while the call waits */
  acquire(tokens: number, signal: AbortSignal): Promise<Permit> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        const place = this.#waiters.indexOf(waiter);
        if (place >= 0) this.#waiters.splice(place, 1);
        reject(signal.reason);
        this.#admit();
      };
      const waiter: Waiter = {
        tokens,
        start: (permit) => {
          signal.removeEventListener("abort", onAbort);
          resolve(permit);
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.push(waiter);
      this.#admit();
    });
  }

  #admit(): void {
    clearTimeout(this.#timer);
    while (
      this.#waiters.length > 0 &&
      this.#running < (this.#limits.concurrency ?? Number.POSITIVE_INFINITY)
    ) {
      const nowMs = performance.now();
      const waitMs = this.#waitMs(this.#waiters[0]!.tokens, nowMs);
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#admit(), Math.ceil(waitMs));
        return;
      }
      this.#start(this.#waiters.shift()!, nowMs);
    }
  }

  #start({ tokens, start }: Waiter, nowMs: number): void {
    const entry: Entry = { atMs: nowMs, tokens };
    const isCounted =
      this.#limits.requestsPerMinute !== undefined || this.#limits.tokensPerMinute !== undefined;
    if (isCounted) this.#entries.push(entry);
    this.#running++;
    let isOpen = true;
    start({
      release: (taken) => {
        if (!isOpen) return;
        isOpen = false;
        if (taken !== undefined) entry.tokens = taken;
        this.#running--;
        this.#admit();
      },
    });
  }

  /** Until the window has room for one more call of this many tokens. */
  #waitMs(tokens: number, nowMs: number): number {
    while (this.#entries.length > 0 && this.#entries[0]!.atMs <= nowMs - WINDOW_MS) this.#entries.shift();
    const { requestsPerMinute = Number.POSITIVE_INFINITY, tokensPerMinute = Number.POSITIVE_INFINITY } =
      this.#limits;
    let count = this.#entries.length;
    let total = this.#entries.reduce((sum, entry) => sum + entry.tokens, 0);
    for (const entry of [undefined, ...this.#entries]) {
      if (entry !== undefined) {
        count--;
        total -= entry.tokens;
      }
      const hasRoom = count + 1 <= requestsPerMinute && (count === 0 || total + tokens <= tokensPerMinute);
      if (hasRoom) return entry === undefined ? 0 : entry.atMs + WINDOW_MS - nowMs;
    }
    return 0;
  }
}
