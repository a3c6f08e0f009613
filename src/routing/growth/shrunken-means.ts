/**
 * Means of groups with few members, pulled towards the mean of all as far as the data call for it.
 *
 * mean_g = (n_g x_g + kappa x) / (n_g + kappa), kappa = within-group variance / between-group variance, the latter by
 * the method of moments; a group without members gets x, and all groups do where the data show no difference.
 *
 * Source: DerSimonian and Laird, "Meta-analysis in clinical trials", Controlled Clinical Trials 7 (1986).
 */

/** @param groups group of each value, in 0..count-1 */
export function shrunkenMeans(values: Float64Array, groups: ArrayLike<number>, count: number): Float64Array {
  const sizes = new Float64Array(count);
  const sums = new Float64Array(count);
  let total = 0;
  for (const [index, value] of values.entries()) {
    sizes[groups[index]!]! += 1;
    sums[groups[index]!]! += value;
    total += value;
  }
  const overall = values.length === 0 ? 0 : total / values.length;
  const kappa = shrinkage(values, groups, sizes, sums, overall);
  return sums.map((sum, group) =>
    kappa === Number.POSITIVE_INFINITY || sizes[group]! + kappa === 0
      ? overall
      : (sum + kappa * overall) / (sizes[group]! + kappa),
  );
}

/** kappa; infinite where the groups differ no more than chance makes them. */
function shrinkage(
  values: Float64Array,
  groups: ArrayLike<number>,
  sizes: Float64Array,
  sums: Float64Array,
  overall: number,
): number {
  const used = sizes.filter((size) => size > 0).length;
  const total = values.length;
  if (used < 2 || total <= used) return Number.POSITIVE_INFINITY;
  let within = 0;
  for (const [index, value] of values.entries()) {
    const group = groups[index]!;
    within += (value - sums[group]! / sizes[group]!) ** 2 / (total - used);
  }
  let between = 0;
  let squares = 0;
  for (const [group, size] of sizes.entries()) {
    if (size === 0) continue;
    between += size * (sums[group]! / size - overall) ** 2;
    squares += size * size;
  }
  const variance = (between - (used - 1) * within) / (total - squares / total);
  return variance > 0 ? within / variance : Number.POSITIVE_INFINITY;
}
