/**
 * Calibration of one router on held-out prompts. Score s and the log odds d that the prompt is easy become
 * u = w_s s + w_d d, weighted by a logistic regression over all candidates; curves turn u into expected quality.
 *
 * Which curves is decided by cross-validated Brier score. Curves that all candidates share keep the router's ranking.
 * Curves per candidate give it up, and easiness costs a weight: both are taken only when they are better by more than one
 * standard error of the paired difference over the prompts.
 *
 * Source: one standard error: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, section 7.10.
 */
import { TuttiError } from "../../support/errors.ts";
import { type CalibrationCurve, calibratedQuality } from "./curve.ts";
import { brierPerPrompt, type CalibrationErrors, calibrationErrors } from "./errors.ts";
import { fitLogisticWeights } from "./logistic.ts";
import {
  CALIBRATION_METHODS,
  type CalibrationColumns,
  type CalibrationMethod,
  isotonicCurves,
  plattCurves,
  temperatureCurves,
} from "./methods.ts";

/** From candidates on their own to candidates much like one another. */
const PRECISIONS = [0.3, 1, 3, 10, 30, 100];
/** Fewer held-out prompts cannot be split into folds that say anything. */
export const FEWEST_CALIBRATION_PROMPTS = 10;

/** Held-out prompts: what the router said and how good the answers were. */
export interface CalibrationRows {
  /** Per prompt, the router's score of every candidate. */
  readonly scores: readonly Float64Array[];
  /** Log odds that a prompt is easy, one per prompt; see difficulty.ts. */
  readonly easiness?: Float64Array;
  /** Per prompt, the quality of every candidate's answer in [0, 1]. */
  readonly qualities: readonly Float64Array[];
  /** Fold of each prompt in cross-validation, 0..folds-1. */
  readonly folds: Int32Array;
}

/** w_s and w_d. */
export interface CalibrationWeights {
  readonly score: number;
  readonly easiness: number;
}

export interface FittedCalibration {
  readonly method: CalibrationMethod;
  readonly weights: CalibrationWeights;
  /** One per candidate. */
  readonly curves: readonly CalibrationCurve[];
  /** Cross-validated errors of every method, each with its own best setting. */
  readonly errors: Readonly<Record<CalibrationMethod, CalibrationErrors>>;
}

/** Scores alone are taken as they are; with easiness both are weighted. What misleads gets no weight. */
function fitWeights(rows: CalibrationRows, used: readonly number[]): CalibrationWeights {
  const { easiness } = rows;
  if (easiness === undefined) return { score: 1, easiness: 0 };
  const cells = used.flatMap((row) =>
    Array.from(rows.scores[row]!, (score, column) => ({ row, score, column })),
  );
  const targets = cells.map(({ row, column }) => rows.qualities[row]![column]!);
  const weightsOf = (features: readonly (readonly number[])[]) =>
    fitLogisticWeights(Float64Array.from(features.flat()), targets, features[0]!.length);
  const both = weightsOf(cells.map(({ row, score }) => [score, easiness[row]!, 1]));
  if (both[1]! <= 0) return { score: 1, easiness: 0 };
  if (both[0]! > 0) return { score: both[0]!, easiness: both[1]! };
  const alone = weightsOf(cells.map(({ row }) => [easiness[row]!, 1]))[0]!;
  return { score: 0, easiness: Math.max(0, alone) };
}

function combined(rows: CalibrationRows, weights: CalibrationWeights, row: number): Float64Array {
  const shift = weights.easiness === 0 ? 0 : weights.easiness * rows.easiness![row]!;
  return rows.scores[row]!.map((score) => weights.score * score + shift);
}

type Fit = (columns: CalibrationColumns) => CalibrationCurve[];

function fitOn(rows: CalibrationRows, used: readonly number[], fitCurves: Fit) {
  const weights = fitWeights(rows, used);
  const inputs = used.map((row) => combined(rows, weights, row));
  const candidates = Array.from(rows.scores[0]!, (_, candidate) => candidate);
  const curves = fitCurves({
    scores: candidates.map((candidate) => Float64Array.from(inputs, (row) => row[candidate]!)),
    qualities: candidates.map((candidate) =>
      Float64Array.from(used, (row) => rows.qualities[row]![candidate]!),
    ),
  });
  return { weights, curves };
}

/** Every prompt predicted by what was fitted on the other folds. */
function crossValidated(rows: CalibrationRows, fitCurves: Fit): Float64Array[] {
  const predicted: Float64Array[] = new Array(rows.scores.length);
  const all = rows.scores.map((_, row) => row);
  for (const fold of new Set(rows.folds)) {
    const { weights, curves } = fitOn(
      rows,
      all.filter((row) => rows.folds[row] !== fold),
      fitCurves,
    );
    for (const row of all.filter((index) => rows.folds[index] === fold)) {
      predicted[row] = combined(rows, weights, row).map((score, candidate) =>
        calibratedQuality(curves[candidate]!, score),
      );
    }
  }
  return predicted;
}

function checkRows({ scores, qualities, folds, easiness }: CalibrationRows): void {
  const counts = [qualities.length, folds.length, easiness?.length ?? scores.length];
  if (counts.some((count) => count !== scores.length)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `calibration: received ${scores.length} rows of scores and ${counts.join(", ")} qualities, folds and easiness, expected as many of each`,
    );
  }
  if (scores.length < FEWEST_CALIBRATION_PROMPTS || new Set(folds).size < 2) {
    throw new TuttiError(
      "DATASET_INVALID",
      `calibration: received ${scores.length} held-out prompts in ${new Set(folds).size} folds, expected at least ${FEWEST_CALIBRATION_PROMPTS} in 2`,
      { hint: "hold out a larger share of the prompts, or train on more of them" },
    );
  }
  for (const [row, targets] of qualities.entries()) {
    const isGood =
      targets.length === scores[row]!.length &&
      targets.every((value) => value >= 0 && value <= 1) &&
      scores[row]!.every(Number.isFinite);
    if (isGood) continue;
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `calibration: row ${row} has scores [${[...scores[row]!].join(", ")}] and qualities [${[...targets].join(", ")}], expected finite scores and as many qualities in [0, 1]`,
    );
  }
}

/** Whether errors are smaller by more than one standard error of the mean paired difference. */
function isClearlyBetter(errors: Float64Array, than: Float64Array): boolean {
  const gains = than.map((error, index) => error - errors[index]!);
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / (gains.length - 1);
  return mean > Math.sqrt(variance / gains.length);
}

/** The rows without easiness, unless common curves are clearly better for it: few prompts say nothing of its weight. */
function withUsefulEasiness(rows: CalibrationRows): CalibrationRows {
  if (rows.easiness === undefined) return rows;
  const { scores, qualities, folds } = rows;
  const alone = { scores, qualities, folds };
  const errorsOf = (used: CalibrationRows) =>
    brierPerPrompt(
      crossValidated(used, (columns) => plattCurves(columns)),
      qualities,
    );
  return isClearlyBetter(errorsOf(rows), errorsOf(alone)) ? rows : alone;
}

/**
 * Fits every method, compares them and keeps one.
 *
 * @throws {TuttiError} DATASET_INVALID for too few prompts; INVALID_ARGUMENT for rows that do not fit together
 */
export function fitCalibration(given: CalibrationRows): FittedCalibration {
  checkRows(given);
  const rows = withUsefulEasiness(given);
  const tried = (fitCurves: Fit) => {
    const predicted = crossValidated(rows, fitCurves);
    const errors = calibrationErrors(predicted, rows.qualities);
    return { fitCurves, errors, perPrompt: brierPerPrompt(predicted, rows.qualities) };
  };
  const precisions = PRECISIONS.map((precision) => ({
    precision,
    ...tried((columns) => plattCurves(columns, precision)),
  }));
  const perCandidate = precisions.reduce((best, next) =>
    next.errors.brier < best.errors.brier ? next : best,
  );
  const methods = {
    temperature: tried(temperatureCurves),
    platt: tried((columns) => plattCurves(columns)),
    "platt-per-candidate": perCandidate,
    isotonic: tried((columns) => isotonicCurves(columns, perCandidate.precision)),
  };
  const brierOf = (method: CalibrationMethod): number => methods[method].errors.brier;
  let method: CalibrationMethod = brierOf("platt") < brierOf("temperature") ? "platt" : "temperature";
  const own = brierOf("isotonic") < brierOf("platt-per-candidate") ? "isotonic" : "platt-per-candidate";
  if (isClearlyBetter(methods[own].perPrompt, methods[method].perPrompt)) method = own;
  const everything = rows.scores.map((_, row) => row);
  return {
    method,
    ...fitOn(rows, everything, methods[method].fitCurves),
    errors: Object.fromEntries(
      CALIBRATION_METHODS.map((name) => [name, methods[name].errors]),
    ) as FittedCalibration["errors"],
  };
}
