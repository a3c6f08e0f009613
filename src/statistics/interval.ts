/** Percentile bootstrap intervals. */
import { quantile } from "./distribution.ts";

/** Lower and upper bound of a 95 % percentile bootstrap interval. */
export type Interval = readonly [low: number, high: number];

/** Bounds that hold the middle 95 % of the values. */
export function percentileInterval(values: Float64Array): Interval {
  const sorted = values.toSorted();
  return [quantile(sorted, 0.025), quantile(sorted, 0.975)];
}
