/** Keeping the event loop free in the midst of long synchronous work. */
import { setImmediate } from "node:timers/promises";

const HOLD_MS = 20;

/** Called between pieces of work; lets timers and I/O run once the work has held the thread for 20 ms. */
export function createBreather(): () => Promise<void> {
  let sinceMs = performance.now();
  return async () => {
    if (performance.now() - sinceMs < HOLD_MS) return;
    await setImmediate();
    sinceMs = performance.now();
  };
}
