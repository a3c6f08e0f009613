/** A time limit that can be put off, joined with the caller's abort signal. */

/** One for all calls: an error of its own would cost each of them a stack trace. */
const HAS_ENDED = new Error("the call has ended");

/** Aborts {@link signal} when the caller's signal does, or when `timeoutMs` pass without {@link extend}. */
export class Deadline {
  readonly timeoutMs: number;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #follow: () => void;
  #timer: NodeJS.Timeout | undefined;
  #hasPassed = false;

  constructor(outer: AbortSignal, timeoutMs: number) {
    this.timeoutMs = timeoutMs;
    this.#outer = outer;
    this.#follow = () => this.#controller.abort(outer.reason);
    if (outer.aborted) this.#follow();
    else outer.addEventListener("abort", this.#follow, { once: true });
    this.extend();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** Starts the full time anew. */
  extend(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#hasPassed = true;
      this.#controller.abort(new Error(`no answer within ${this.timeoutMs} ms`));
    }, this.timeoutMs);
  }

  /** Stops the time until the next {@link extend}. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Lets go of timer and outer signal, and aborts whatever is still under way. */
  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#follow);
    this.#controller.abort(HAS_ENDED);
  }
}
