/** How far the qualities that a router expects can be taken at their word. */
import type { ExpectedOutcomes } from "./choose.ts";
import { brierDecomposition, logLoss } from "./proper-scores.ts";
import { expectedCalibrationError, type ReliabilityBin, reliabilityBins } from "./reliability.ts";

/** Over all pairs of prompt and candidate, not only the chosen ones. */
export interface ReliabilityAnalysis {
  readonly isCalibrated: boolean;
  readonly pairs: number;
  /** Ten bins of equal mass. */
  readonly bins: readonly ReliabilityBin[];
  /** Of those bins, and of ten of equal width. */
  readonly eceEqualMass: number;
  readonly eceEqualWidth: number;
  readonly brier: number;
  readonly brierReliability: number;
  readonly brierResolution: number;
  readonly brierUncertainty: number;
  readonly logLoss: number;
}

/** Of one router; after calibration where there is one. */
export interface RouterReliability extends ReliabilityAnalysis {
  /** What the router expects by itself, before calibration, where it expects qualities by itself. */
  readonly raw?: ReliabilityAnalysis;
}

const BINS = 10;

/** @param quality what the answers were worth, in [0, 1], [prompt][candidate] */
export function analyseReliability(
  expected: ExpectedOutcomes,
  quality: readonly Float64Array[],
): ReliabilityAnalysis {
  const predictions: number[] = [];
  const outcomes: number[] = [];
  const prompts: number[] = [];
  for (const [prompt, row] of expected.quality.entries()) {
    for (const [candidate, prediction] of row.entries()) {
      if (Number.isNaN(prediction)) continue;
      predictions.push(prediction);
      outcomes.push(quality[prompt]![candidate]!);
      prompts.push(prompt);
    }
  }
  const equalMass = { binning: "equal-mass", bins: BINS, groups: prompts } as const;
  const bins = reliabilityBins(predictions, outcomes, equalMass);
  const wide = reliabilityBins(predictions, outcomes, { binning: "equal-width", bins: BINS });
  const brier = brierDecomposition(predictions, outcomes, equalMass);
  return {
    isCalibrated: expected.isCalibrated,
    pairs: predictions.length,
    bins,
    eceEqualMass: expectedCalibrationError(bins),
    eceEqualWidth: expectedCalibrationError(wide),
    brier: brier.brier,
    brierReliability: brier.reliability,
    brierResolution: brier.resolution,
    brierUncertainty: brier.uncertainty,
    logLoss: logLoss(predictions, outcomes),
  };
}
