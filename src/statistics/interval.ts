/** Percentile bootstrap intervals. */

/** Lower and upper bound of a 95 % percentile bootstrap interval. */
export type Interval = readonly [low: number, high: number];

/** Bounds that hold the middle 95 % of the values. */
export function percentileInterval(values: Float64Array): Interval {
  const sorted = values.toSorted();
  const at = (share: number): number => {
    const position = share * (sorted.length - 1);
    const low = Math.floor(position);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low]! + (position - low) * (sorted[high]! - sorted[low]!);
  };
  return [at(0.025), at(0.975)];
}
