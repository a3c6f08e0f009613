/**
 * Logistic regression with soft targets, an L2 penalty on the weights and a free intercept:
 *
 *   minimise sum_i [softplus(z_i) - y_i z_i] + lambda / 2 |w|^2,   z_i = w . x_i + b,   y_i in [0, 1].
 *
 * scikit-learn's LogisticRegression(C = 1 / lambda) minimises the same.
 *
 * Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, section 4.4.
 */

import { sigmoid, softplus } from "../../../statistics/stable-functions.ts";
import { dot } from "../../embedding/dot.ts";
import { minimise } from "./lbfgs.ts";

export interface LogisticProblem {
  readonly rows: number;
  readonly features: number;
  /** [rows, features] row-major. */
  readonly x: Float32Array | Float64Array;
  /** [rows], in [0, 1]. */
  readonly y: Float64Array;
  /** Added to every z and not learned, [rows]; zeros when absent. */
  readonly offsets?: Float64Array;
}

/** The weights of every feature, then the intercept. */
export type LogisticCoefficients = Float64Array;

/** Mean of softplus(z) - y z over the given rows, without the penalty. */
export function logisticLoss(
  { features, x, y, offsets }: LogisticProblem,
  coefficients: LogisticCoefficients,
  rows: ArrayLike<number>,
): number {
  let sum = 0;
  for (let position = 0; position < rows.length; position++) {
    const row = rows[position]!;
    const z =
      coefficients[features]! + dot(x, row * features, coefficients, 0, features) + (offsets?.[row] ?? 0);
    sum += softplus(z) - y[row]! * z;
  }
  return sum / rows.length;
}

/**
 * @param start coefficients to begin with, such as those of a neighbouring penalty; zeros when absent
 * @param rows the rows to fit; all when absent
 */
export function fitLogistic(
  problem: LogisticProblem,
  lambda: number,
  {
    start = new Float64Array(problem.features + 1),
    rows = Uint32Array.from({ length: problem.rows }, (_, row) => row),
    tolerance = 1e-6,
  }: {
    readonly start?: LogisticCoefficients;
    readonly rows?: Uint32Array;
    readonly tolerance?: number;
  } = {},
): LogisticCoefficients {
  const { features, x, y, offsets } = problem;
  const share = 1 / rows.length;
  // Divided by the rows, so that the tolerance means the same whatever their number.
  const objective = (coefficients: Float64Array, gradient: Float64Array): number => {
    let value = 0;
    gradient.fill(0);
    for (const row of rows) {
      const offset = row * features;
      const z = coefficients[features]! + dot(x, offset, coefficients, 0, features) + (offsets?.[row] ?? 0);
      value += softplus(z) - y[row]! * z;
      const residual = sigmoid(z) - y[row]!;
      for (let k = 0; k < features; k++) gradient[k]! += residual * x[offset + k]!;
      gradient[features]! += residual;
    }
    let squares = 0;
    for (let k = 0; k < features; k++) {
      squares += coefficients[k]! ** 2;
      gradient[k] = share * (gradient[k]! + lambda * coefficients[k]!);
    }
    gradient[features]! *= share;
    return share * (value + (lambda / 2) * squares);
  };
  return minimise(objective, start, { tolerance }).x;
}
