/**
 * Reliability: do answers that were given a chance of p turn out well in a share p of the cases?
 *
 * Sources: DeGroot and Fienberg 1983 (the diagram); Naeini et al. 2015 and Guo et al., arXiv 1706.04599 (expected
 * calibration error); Wilson 1927 (the interval).
 */
import { assignBins, type Binning } from "./binning.ts";
import type { Interval } from "./types.ts";

/** One point of a reliability diagram. */
export interface ReliabilityBin {
  /** Smallest and largest prediction of the bin. */
  readonly low: number;
  readonly high: number;
  /** Predictions in the bin. */
  readonly count: number;
  /** Mean of what was predicted. */
  readonly predicted: number;
  /** Mean of what happened. */
  readonly observed: number;
  /** 95 % Wilson interval of `observed`. */
  readonly interval: Interval;
}

export interface ReliabilityOptions {
  readonly binning: Binning;
  readonly bins: number;
  /**
   * Group of every prediction, such as its prompt. Outcomes of one group hang together, so intervals count distinct
   * groups instead of predictions, which makes them wide rather than too narrow.
   */
  readonly groups?: ArrayLike<number>;
}

/** z of a two-sided 95 % interval. */
const Z = 1.959963984540054;

/**
 * Wilson's interval for a mean of `count` outcomes in [0, 1]:
 * (m + z^2/2n +- z sqrt(m (1 - m)/n + z^2/4n^2)) / (1 + z^2/n). For fractional outcomes it is wider than needed, as
 * their variance is at most m (1 - m).
 */
export function wilsonInterval(mean: number, count: number): Interval {
  const squared = (Z * Z) / count;
  const centre = mean + squared / 2;
  const reach = Z * Math.sqrt((mean * (1 - mean)) / count + squared / (4 * count));
  return [Math.max(0, (centre - reach) / (1 + squared)), Math.min(1, (centre + reach) / (1 + squared))];
}

/**
 * Bins that hold at least one prediction, from low to high.
 *
 * @param predictions in [0, 1]
 * @param outcomes in [0, 1], of the same length
 * @throws {TuttiError} INVALID_ARGUMENT for a prediction outside [0, 1]
 */
export function reliabilityBins(
  predictions: ArrayLike<number>,
  outcomes: ArrayLike<number>,
  { binning, bins, groups }: ReliabilityOptions,
): ReliabilityBin[] {
  const assigned = assignBins(predictions, binning, bins);
  const members: number[][] = Array.from({ length: bins }, () => []);
  for (const [index, bin] of assigned.entries()) members[bin]!.push(index);
  return members
    .filter((indices) => indices.length > 0)
    .map((indices) => {
      const mean = (values: ArrayLike<number>): number =>
        indices.reduce((sum, index) => sum + values[index]!, 0) / indices.length;
      const observed = mean(outcomes);
      const independent = groups ? new Set(indices.map((index) => groups[index])).size : indices.length;
      const own = indices.map((index) => predictions[index]!);
      return {
        low: own.reduce((a, b) => Math.min(a, b)),
        high: own.reduce((a, b) => Math.max(a, b)),
        count: indices.length,
        predicted: mean(predictions),
        observed,
        interval: wilsonInterval(observed, independent),
      };
    });
}

/** ECE = sum over bins of n_b / n |observed_b - predicted_b|. 0 is perfect; it depends on the bins. */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return bins.reduce(
    (sum, { count, predicted, observed }) => sum + (count / total) * Math.abs(observed - predicted),
    0,
  );
}
