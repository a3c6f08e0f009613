/**
 * Proper scores of probabilities: their expectation is best for the true probability, so they reward calibration
 * and sharpness together.
 *
 * Sources: Brier 1950; Murphy 1973 (decomposition); Stephenson et al. 2008 (the two terms that make it exact when
 * predictions vary within a bin).
 */
import { assignBins, type Binning } from "./binning.ts";

/** Predictions are kept this far from 0 and 1, where one surprise would cost infinitely much. */
const LOG_LOSS_MARGIN = 1e-15;

/** mean (p - o)^2, for outcomes in [0, 1]; lower is better. */
export function brierScore(predictions: ArrayLike<number>, outcomes: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < predictions.length; index++)
    sum += (predictions[index]! - outcomes[index]!) ** 2;
  return sum / predictions.length;
}

/** -mean [o ln p + (1 - o) ln(1 - p)], with p kept 1e-15 from 0 and 1; lower is better. */
export function logLoss(predictions: ArrayLike<number>, outcomes: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < predictions.length; index++) {
    const p = Math.min(1 - LOG_LOSS_MARGIN, Math.max(LOG_LOSS_MARGIN, predictions[index]!));
    const outcome = outcomes[index]!;
    sum -= outcome * Math.log(p) + (1 - outcome) * Math.log1p(-p);
  }
  return sum / predictions.length;
}

/** brier = reliability - resolution + uncertainty + withinBin, exactly. */
export interface BrierDecomposition {
  readonly brier: number;
  /** sum n_b / n (p_b - o_b)^2: miscalibration, lower is better. */
  readonly reliability: number;
  /** sum n_b / n (o_b - o)^2: how far the bins tell good answers from bad ones, higher is better. */
  readonly resolution: number;
  /** mean (o - mean o)^2: what predicting the mean outcome would score. */
  readonly uncertainty: number;
  /** Variance of predictions within bins less twice their covariance with outcomes; 0 when a bin has one value. */
  readonly withinBin: number;
}

/**
 * @throws {TuttiError} INVALID_ARGUMENT for a prediction outside [0, 1]
 */
export function brierDecomposition(
  predictions: ArrayLike<number>,
  outcomes: ArrayLike<number>,
  { binning, bins }: { readonly binning: Binning; readonly bins: number },
): BrierDecomposition {
  const assigned = assignBins(predictions, binning, bins);
  const n = predictions.length;
  const counts = new Float64Array(bins);
  const meanPrediction = new Float64Array(bins);
  const meanOutcome = new Float64Array(bins);
  let overall = 0;
  for (const [index, bin] of assigned.entries()) {
    counts[bin]! += 1;
    meanPrediction[bin]! += predictions[index]!;
    meanOutcome[bin]! += outcomes[index]!;
    overall += outcomes[index]! / n;
  }
  let [reliability, resolution, uncertainty, withinBin] = [0, 0, 0, 0];
  for (let bin = 0; bin < bins; bin++) {
    if (counts[bin] === 0) continue;
    meanPrediction[bin]! /= counts[bin]!;
    meanOutcome[bin]! /= counts[bin]!;
    reliability += (counts[bin]! / n) * (meanPrediction[bin]! - meanOutcome[bin]!) ** 2;
    resolution += (counts[bin]! / n) * (meanOutcome[bin]! - overall) ** 2;
  }
  for (const [index, bin] of assigned.entries()) {
    const prediction = predictions[index]! - meanPrediction[bin]!;
    withinBin += (prediction * (prediction - 2 * (outcomes[index]! - meanOutcome[bin]!))) / n;
    uncertainty += (outcomes[index]! - overall) ** 2 / n;
  }
  return { brier: brierScore(predictions, outcomes), reliability, resolution, uncertainty, withinBin };
}
