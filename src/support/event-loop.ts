/** Keeping the event loop free in the midst of long synchronous work. */
import { setImmediate } from "node:timers/promises";

const HOLD_MS = 20;
/** Elements of a piece: at most a few milliseconds of the slowest loop over numbers. */
const PIECE_ELEMENTS = 2 ** 18;

export type Breathe = () => Promise<void>;

/** Called between pieces of work; lets timers and I/O run once the work has held the thread for 20 ms. */
export function createBreather(): Breathe {
  let sinceMs = performance.now();
  return async () => {
    if (performance.now() - sinceMs < HOLD_MS) return;
    await setImmediate();
    sinceMs = performance.now();
  };
}

/**
 * Works through items 0 .. count in order, a piece [start, end) at a time.
 *
 * @param elementsPerItem numbers that one item stands for, such as the columns of a row
 */
export async function inPieces(
  breathe: Breathe,
  count: number,
  work: (start: number, end: number) => void,
  elementsPerItem = 1,
): Promise<void> {
  const piece = Math.max(1, Math.floor(PIECE_ELEMENTS / elementsPerItem));
  for (let start = 0; start < count; start += piece) {
    await breathe();
    work(start, Math.min(start + piece, count));
  }
}
