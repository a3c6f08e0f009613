/**
 * The ways to fit curves to held-out scores and qualities.
 *
 * temperature          one slope for all candidates, through one half at score 0
 * platt                one slope and one intercept for all candidates
 * platt-per-candidate  slope and intercept per candidate, drawn towards the common ones by a Gaussian prior
 * isotonic             per candidate any rising function; every row is joined by a share of its candidate's Platt curve,
 *                      ten rows' worth in all, so that few rows stay near that curve
 *
 * Source: Platt 1999; Zadrozny and Elkan 2002; Guo et al. arXiv 1706.04599; partial pooling: Gelman et al., Bayesian Data
 * Analysis, chapter 5.
 */
import { type CalibrationCurve, calibratedQuality } from "./curve.ts";
import { fitIsotonic } from "./isotonic.ts";
import { fitLogistic, fitTemperature, plattTargets } from "./logistic.ts";

export const CALIBRATION_METHODS = ["temperature", "platt", "platt-per-candidate", "isotonic"] as const;

export type CalibrationMethod = (typeof CALIBRATION_METHODS)[number];

const ISOTONIC_PRIOR_ROWS = 10;

/** Held-out data by candidate, over the prompts. */
export interface CalibrationColumns {
  readonly scores: readonly Float64Array[];
  readonly qualities: readonly Float64Array[];
}

export function concatenated(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function temperatureCurves({ scores, qualities }: CalibrationColumns): CalibrationCurve[] {
  const temperature = fitTemperature(concatenated(scores), plattTargets(concatenated(qualities)));
  return scores.map(() => ({ kind: "logistic", slope: 1 / temperature, intercept: 0 }));
}

/** Mean and standard deviation; a deviation of 0 becomes 1, which leaves equal scores equal. */
function momentsOf(values: Float64Array): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: variance > 0 ? Math.sqrt(variance) : 1 };
}

/**
 * @param precision - inverse variance of the prior around the common curve, on standardised scores, so that one figure
 * fits routers of any scale; Infinity gives every candidate the common curve
 */
export function plattCurves(
  { scores, qualities }: CalibrationColumns,
  precision = Number.POSITIVE_INFINITY,
): CalibrationCurve[] {
  const all = concatenated(scores);
  const { mean, deviation } = momentsOf(all);
  const standard = (values: Float64Array) => values.map((value) => (value - mean) / deviation);
  const common = fitLogistic(standard(all), plattTargets(concatenated(qualities)));
  return scores.map((own, candidate) => {
    const { slope, intercept } =
      precision === Number.POSITIVE_INFINITY
        ? common
        : fitLogistic(standard(own), qualities[candidate]!, { centre: common, precision });
    const rawSlope = slope / deviation;
    return { kind: "logistic", slope: rawSlope, intercept: intercept - rawSlope * mean };
  });
}

export function isotonicCurves(columns: CalibrationColumns, precision: number): CalibrationCurve[] {
  return plattCurves(columns, precision).map((platt, candidate) => {
    const scores = columns.scores[candidate]!;
    const share = ISOTONIC_PRIOR_ROWS / scores.length;
    const joined = columns.qualities[candidate]!.map(
      (quality, row) => (quality + share * calibratedQuality(platt, scores[row]!)) / (1 + share),
    );
    const { scores: knots, values } = fitIsotonic(scores, joined);
    // Means of numbers in [0, 1] may leave it by a rounding.
    const bounded = values.map((value) => Math.min(1, Math.max(0, value)));
    return { kind: "isotonic", scores: [...knots], values: bounded };
  });
}
