/**
 * Calibration of one router on held-out prompts: three kinds of curves, of which cross-validation keeps one.
 *
 * temperature  one slope for all candidates, through one half at score 0
 * platt        slope and intercept per candidate, drawn towards those of all candidates together; how strongly is
 *              chosen by cross-validation, so that few rows share a curve and many have their own
 * isotonic     per candidate any rising function; every row is joined by a share of the Platt curve, ten rows' worth in
 *              all, so that few rows stay near that curve
 *
 * Source: Platt 1999; Zadrozny and Elkan 2002; Guo et al. arXiv 1706.04599; partial pooling: Gelman et al., Bayesian Data
 * Analysis, chapter 5.
 */
import { TuttiError } from "../../support/errors.ts";
import { type CalibrationCurve, type CalibrationMethod, calibratedQuality } from "./curve.ts";
import { fitIsotonic } from "./isotonic.ts";
import {
  fitLogistic,
  fitTemperature,
  type LogisticCurve,
  plattTargets,
} from "./logistic.ts";

/** Precisions of the prior around the common curve, in units of standardised scores; Infinity shares one curve. */
const PRECISIONS = [0.3, 1, 3, 10, 30, 100, Number.POSITIVE_INFINITY];
const ISOTONIC_PRIOR_ROWS = 10;
/** Fewer held-out prompts say nothing that a common curve would not say with more honesty. */
export const FEWEST_CALIBRATION_PROMPTS = 10;

/** Held-out prompts: what the router said and how good the answers were. */
export interface CalibrationRows {
  /** Per prompt, the router's score of every candidate. */
  readonly scores: readonly Float64Array[];
  /** Per prompt, the quality of every candidate's answer in [0, 1]. */
  readonly qualities: readonly Float64Array[];
  /** Fold of each prompt in cross-validation, 0..folds-1. */
  readonly folds: Int32Array;
}

/** Mean errors over held-out prompts and candidates. */
export interface CalibrationErrors {
  /** mean (p - y)^2 */
  readonly brier: number;
  /** mean -(y log p + (1 - y) log(1 - p)) */
  readonly logLoss: number;
}

export interface FittedCalibration {
  readonly method: CalibrationMethod;
  /** One per candidate. */
  readonly curves: readonly CalibrationCurve[];
  /** Cross-validated errors of every method, each with its own best setting. */
  readonly errors: Readonly<Record<CalibrationMethod, CalibrationErrors>>;
}

/** log p and log(1 - p) stay finite: a curve may reach 0 and 1 where the data did. */
const PROBABILITY_MARGIN = 1e-9;

export function calibrationErrors(
  predicted: readonly Float64Array[],
  qualities: readonly Float64Array[],
): CalibrationErrors {
  let [brier, logLoss, count] = [0, 0, 0];
  for (const [row, targets] of qualities.entries()) {
    for (let column = 0; column < targets.length; column++) {
      const y = targets[column]!;
      const p = predicted[row]![column]!;
      const inside = Math.min(1 - PROBABILITY_MARGIN, Math.max(PROBABILITY_MARGIN, p));
      brier += (p - y) ** 2;
      logLoss -= y * Math.log(inside) + (1 - y) * Math.log(1 - inside);
      count++;
    }
  }
  return { brier: brier / count, logLoss: logLoss / count };
}

interface Columns {
  /** Per candidate, over the prompts. */
  readonly scores: readonly Float64Array[];
  readonly qualities: readonly Float64Array[];
}

function columnsOf(rows: CalibrationRows, isUsed: (row: number) => boolean): Columns {
  const used = rows.scores.map((_, row) => row).filter(isUsed);
  const column = (matrix: readonly Float64Array[], candidate: number) =>
    Float64Array.from(used, (row) => matrix[row]![candidate]!);
  const candidates = Array.from(rows.scores[0]!, (_, candidate) => candidate);
  return {
    scores: candidates.map((candidate) => column(rows.scores, candidate)),
    qualities: candidates.map((candidate) => column(rows.qualities, candidate)),
  };
}

function concatenated(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

function temperatureCurves({ scores, qualities }: Columns): CalibrationCurve[] {
  const temperature = fitTemperature(concatenated(scores), plattTargets(concatenated(qualities)));
  return scores.map(() => ({ method: "temperature", slope: 1 / temperature, intercept: 0 }));
}

/** Scores as (s - mean) / deviation over all candidates, so that one prior fits routers of any scale. */
function standardisation(all: Float64Array): { readonly mean: number; readonly deviation: number } {
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const variance = all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length;
  return { mean, deviation: variance > 0 ? Math.sqrt(variance) : 1 };
}

function plattCurves({ scores, qualities }: Columns, precision: number): CalibrationCurve[] {
  const all = concatenated(scores);
  const { mean, deviation } = standardisation(all);
  const standard = (values: Float64Array) => values.map((value) => (value - mean) / deviation);
  const common = fitLogistic(standard(all), plattTargets(concatenated(qualities)));
  return scores.map((own, candidate) => {
    const { slope, intercept }: LogisticCurve =
      precision === Number.POSITIVE_INFINITY
        ? common
        : fitLogistic(standard(own), qualities[candidate]!, { centre: common, precision });
    return {
      method: "platt",
      slope: slope / deviation,
      intercept: intercept - (slope * mean) / deviation,
    };
  });
}

function isotonicCurves(columns: Columns, precision: number): CalibrationCurve[] {
  return plattCurves(columns, precision).map((platt, candidate) => {
    const scores = columns.scores[candidate]!;
    const share = ISOTONIC_PRIOR_ROWS / scores.length;
    const joined = columns.qualities[candidate]!.map(
      (quality, row) => (quality + share * calibratedQuality(platt, scores[row]!)) / (1 + share),
    );
    const { scores: knots, values } = fitIsotonic(scores, joined);
    // Means of numbers in [0, 1] may leave it by a rounding.
    return {
      method: "isotonic",
      scores: [...knots],
      values: values.map((value) => Math.min(1, Math.max(0, value))),
    };
  });
}

type Fit = (columns: Columns) => CalibrationCurve[];

/** Every prompt predicted by curves that were fitted on the other folds. */
function crossValidated(rows: CalibrationRows, fit: Fit): CalibrationErrors {
  const predicted: Float64Array[] = new Array(rows.scores.length);
  for (const fold of new Set(rows.folds)) {
    const curves = fit(columnsOf(rows, (row) => rows.folds[row] !== fold));
    for (const [row, scores] of rows.scores.entries()) {
      if (rows.folds[row] !== fold) continue;
      predicted[row] = scores.map((score, candidate) => calibratedQuality(curves[candidate]!, score));
    }
  }
  return calibrationErrors(predicted, rows.qualities);
}

function checkRows({ scores, qualities, folds }: CalibrationRows): void {
  if (scores.length !== qualities.length || scores.length !== folds.length) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `calibration: received ${scores.length} rows of scores, ${qualities.length} of qualities and ${folds.length} folds, expected as many of each`,
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

/**
 * Fits all three methods, compares them by cross-validated Brier score and keeps the best; ties go to the one with the
 * fewest parameters.
 *
 * @throws {TuttiError} DATASET_INVALID for too few prompts; INVALID_ARGUMENT for rows that do not fit together
 */
export function fitCalibration(rows: CalibrationRows): FittedCalibration {
  checkRows(rows);
  const platts = PRECISIONS.map((precision) => ({
    precision,
    errors: crossValidated(rows, (columns) => plattCurves(columns, precision)),
  }));
  const platt = platts.reduce((best, next) => (next.errors.brier < best.errors.brier ? next : best));
  const fits: Record<CalibrationMethod, Fit> = {
    temperature: temperatureCurves,
    platt: (columns) => plattCurves(columns, platt.precision),
    isotonic: (columns) => isotonicCurves(columns, platt.precision),
  };
  const errors = {
    temperature: crossValidated(rows, fits.temperature),
    platt: platt.errors,
    isotonic: crossValidated(rows, fits.isotonic),
  };
  let method: CalibrationMethod = "temperature";
  for (const other of ["platt", "isotonic"] as const) {
    if (errors[other].brier < errors[method].brier) method = other;
  }
  return { method, curves: fits[method](columnsOf(rows, () => true)), errors };
}

/** The quality of a router that always expects each candidate's mean: what calibration has to beat. */
export function meanQualityErrors({ qualities }: CalibrationRows): CalibrationErrors {
  const width = qualities[0]?.length ?? 0;
  const means = Float64Array.from({ length: width }, (_, column) => {
    return qualities.reduce((sum, row) => sum + row[column]!, 0) / qualities.length;
  });
  return calibrationErrors(
    qualities.map(() => means),
    qualities,
  );
}
