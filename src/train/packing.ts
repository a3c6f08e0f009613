/** Packing: several sequences in one row, so that little of it is padding. */
import { TuttiError } from "../support/errors.ts";

/**
 * First-fit decreasing: sequences, longest first, each go into the first row that has room (Johnson et al., SIAM J.
 * Comput. 3, 1974: at most 11/9 of the fewest rows possible, plus 4). Equal lengths keep the order of `order`. Time
 * n log n: a tree of the largest room finds the first row that fits.
 *
 * @param order which of equally long sequences comes first; the number of rows does not depend on it
 * @returns for each row the indices of its sequences
 * @throws {TuttiError} INVALID_ARGUMENT when a sequence is empty or longer than a row
 */
export function packFirstFitDecreasing(
  lengths: readonly number[],
  tokensPerRow: number,
  order: ArrayLike<number> = lengths.map((_, index) => index),
): number[][] {
  const wrong = lengths.findIndex((length) => !(length >= 1 && length <= tokensPerRow));
  if (wrong >= 0) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `sequence ${wrong} has ${lengths[wrong]} tokens, a row takes 1..${tokensPerRow}`,
      { hint: "truncate or drop long sequences first" },
    );
  }
  const longestFirst = Array.from(order).sort((a, b) => lengths[b]! - lengths[a]!);
  const room = new RoomTree(lengths.length, tokensPerRow);
  const rows: number[][] = [];
  for (const index of longestFirst) {
    const row = room.take(lengths[index]!);
    rows[row] ??= [];
    rows[row].push(index);
  }
  return rows;
}

/** Rooms of rows as leaves; every inner node holds the largest below it. */
class RoomTree {
  private readonly leaves: number;
  private readonly largest: Float64Array;

  constructor(rows: number, tokensPerRow: number) {
    this.leaves = 2 ** Math.ceil(Math.log2(Math.max(1, rows)));
    this.largest = new Float64Array(2 * this.leaves).fill(tokensPerRow);
  }

  /** Takes room in the first row that has it; there are as many rows as sequences, so one always has. */
  take(tokens: number): number {
    let node = 1;
    while (node < this.leaves) node = this.largest[2 * node]! >= tokens ? 2 * node : 2 * node + 1;
    const row = node - this.leaves;
    this.largest[node]! -= tokens;
    for (node >>= 1; node >= 1; node >>= 1) {
      this.largest[node] = Math.max(this.largest[2 * node]!, this.largest[2 * node + 1]!);
    }
    return row;
  }
}
