/** Time as the gateway sees it, so that tests can hold it still. */

export interface Clock {
  /** Milliseconds since 1970, for time stamps. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, never going back, for durations. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
