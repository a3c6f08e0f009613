/**
 * Which benchmarks are learned together: those whose prompts are alike. Small benchmarks borrow strength from others of
 * their kind, and kinds that are nothing alike keep heads of their own.
 *
 * Average linkage on the cosine of the benchmarks' mean embeddings; two groups join while the mean cosine between them is
 * at least {@link LIKENESS}.
 */

/** The angle between the mean prompts of two benchmarks is at most 60 degrees. */
export const LIKENESS = 0.5;

/**
 * @param embeddings [rows, dimension] row-major, of length 1: not standardised, since what all prompts of a large
 *   benchmark share would then count against it
 * @param benchmarkOf index of each row's benchmark, 0..count-1, each with at least one row
 * @returns family of each benchmark, numbered by first appearance
 */
export function benchmarkFamilies(
  embeddings: Float32Array,
  benchmarkOf: Int32Array,
  count: number,
  dimension: number,
): Int32Array {
  const means = meanDirections(embeddings, benchmarkOf, count, dimension);
  const cosine = (a: number, b: number): number => {
    let sum = 0;
    for (let k = 0; k < dimension; k++) sum += means[a * dimension + k]! * means[b * dimension + k]!;
    return sum;
  };
  let groups = Array.from({ length: count }, (_, benchmark) => [benchmark]);
  for (;;) {
    let best: { a: number; b: number; likeness: number } | undefined;
    for (let a = 0; a < groups.length; a++) {
      for (let b = a + 1; b < groups.length; b++) {
        const pairs = groups[a]!.flatMap((one) => groups[b]!.map((other) => cosine(one, other)));
        const likeness = pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
        if (likeness > (best?.likeness ?? LIKENESS)) best = { a, b, likeness };
      }
    }
    if (best === undefined) break;
    const { a, b } = best;
    groups = groups.flatMap((group, index) => {
      if (index === a) return [[...group, ...groups[b]!]];
      return index === b ? [] : [group];
    });
  }
  return Int32Array.from({ length: count }, (_, benchmark) =>
    groups.findIndex((group) => group.includes(benchmark)),
  );
}

/** Mean embedding of each benchmark, scaled to length 1: [count, dimension] row-major. */
function meanDirections(
  embeddings: Float32Array,
  benchmarkOf: Int32Array,
  count: number,
  dimension: number,
): Float64Array {
  const means = new Float64Array(count * dimension);
  for (const [row, benchmark] of benchmarkOf.entries()) {
    for (let k = 0; k < dimension; k++) means[benchmark * dimension + k]! += embeddings[row * dimension + k]!;
  }
  for (let benchmark = 0; benchmark < count; benchmark++) {
    const mean = means.subarray(benchmark * dimension, (benchmark + 1) * dimension);
    const length = Math.sqrt(mean.reduce((sum, value) => sum + value * value, 0));
    if (length > 0) for (let k = 0; k < dimension; k++) mean[k]! /= length;
  }
  return means;
}
