/** A few batches that stand for an epoch. */

/**
 * Positions of `count` items spread evenly over the items in order of size: the middle one of each of `count` equal
 * parts. bench/peers/transformers_trainer.py does the same.
 */
export function spreadBySize(sizes: readonly number[], count: number): number[] {
  const ascending = sizes.map((_, index) => index).sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  return Array.from(
    { length: count },
    (_, part) => ascending[Math.floor(((part + 0.5) * sizes.length) / count)]!,
  );
}
