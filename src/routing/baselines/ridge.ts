/**
 * Ridge regression with an unpenalised intercept; the penalty is chosen by exact leave-one-out error.
 *
 * minimise |Y - 1 b^T - X W|^2 + lambda |W|^2. With centred X = U S V^T, the fit is W = V (S^2 + lambda)^-1 V^T X^T Y
 * and the error of leaving row i out is (y_i - yhat_i) / (1 - h_i), h_i = 1/n + sum_j z_ij^2 / (s_j^2 + lambda),
 * z = X V, so all penalties share one decomposition.
 *
 * Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, sections 3.4.1 and 7.10.
 */
import { dot } from "../embedding/dot.ts";
import { symmetricEigen } from "../embedding/symmetric-eigen.ts";
import { gramMatrix } from "../embedding/truncated-svd.ts";

export interface RidgeFit {
  readonly lambda: number;
  /** [targets, features] row-major. */
  readonly weights: Float64Array;
  /** [targets] */
  readonly intercepts: Float64Array;
  /** Mean squared leave-one-out error of each offered penalty; Infinity where it is undefined. */
  readonly leaveOneOutErrors: Float64Array;
  /** Errors of leaving each row out under the chosen penalty, [rows, targets]; infinite where undefined. */
  readonly leaveOneOutResiduals: Float64Array;
}

export interface RidgeProblem {
  readonly rows: number;
  readonly features: number;
  readonly targets: number;
  /** [rows, features] row-major. */
  readonly x: Float32Array | Float64Array;
  /** [rows, targets] row-major. */
  readonly y: Float64Array;
}

function columnMeans(matrix: Float32Array | Float64Array, rows: number, columns: number): Float64Array {
  const means = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) means[column]! += matrix[row * columns + column]! / rows;
  }
  return means;
}

function centre(matrix: Float32Array | Float64Array, means: Float64Array): Float64Array {
  return Float64Array.from(matrix, (value, index) => value - means[index % means.length]!);
}

/** A^T B for row-major A [rows, m] and B [rows, n]: [m, n]. */
function transposedProduct(a: Float64Array, b: Float64Array, rows: number, m: number, n: number) {
  const product = new Float64Array(m * n);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < m; i++) {
      const value = a[row * m + i]!;
      for (let j = 0; j < n; j++) product[i * n + j]! += value * b[row * n + j]!;
    }
  }
  return product;
}

/** Centred features decomposed once, for any penalty and any targets. */
export interface RidgeDecomposition {
  readonly rows: number;
  readonly features: number;
  readonly xMeans: Float64Array;
  /** Squared singular values of centred X. */
  readonly values: Float64Array;
  /** Row i is the direction of values[i]: V^T, [features, features]. */
  readonly vectors: Float64Array;
  /** z = X V, [rows, features]. */
  readonly rotated: Float64Array;
}

/** @param x - [rows, features] row-major */
export function decomposeRidge(
  x: Float32Array | Float64Array,
  rows: number,
  features: number,
): RidgeDecomposition {
  const xMeans = columnMeans(x, rows, features);
  const centred = centre(x, xMeans);
  const { values, vectors } = symmetricEigen(gramMatrix(centred, rows, features), features);
  const rotated = new Float64Array(rows * features);
  for (let row = 0; row < rows; row++) {
    for (let feature = 0; feature < features; feature++) {
      rotated[row * features + feature] = dot(centred, row * features, vectors, feature * features, features);
    }
  }
  return { rows, features, xMeans, values, vectors, rotated };
}

/** Targets of a decomposition: [rows, targets] row-major, their means and z^T (Y - mean). */
export interface RidgeTargets {
  readonly targets: number;
  readonly centred: Float64Array;
  readonly means: Float64Array;
  /** [features, targets] */
  readonly moments: Float64Array;
}

export function ridgeTargets(parts: RidgeDecomposition, y: Float64Array, targets: number): RidgeTargets {
  const means = columnMeans(y, parts.rows, targets);
  const centred = centre(y, means);
  const moments = transposedProduct(parts.rotated, centred, parts.rows, parts.features, targets);
  return { targets, centred, means, moments };
}

/** (y - yhat) / (1 - h) per row and target, means included; infinite where a row fixes the fit by itself. */
export function leaveOneOutResiduals(
  parts: RidgeDecomposition,
  y: RidgeTargets,
  lambda: number,
): Float64Array {
  const { rows, features } = parts;
  const { targets, centred, moments } = y;
  const shrink = parts.values.map((value) => 1 / (Math.max(0, value) + lambda));
  const residuals = new Float64Array(rows * targets);
  const fitted = new Float64Array(targets);
  for (let row = 0; row < rows; row++) {
    let leverage = 1 / rows;
    fitted.fill(0);
    for (let feature = 0; feature < features; feature++) {
      const z = parts.rotated[row * features + feature]!;
      const shrunk = z * shrink[feature]!;
      leverage += z * shrunk;
      for (let target = 0; target < targets; target++) {
        fitted[target]! += shrunk * moments[feature * targets + target]!;
      }
    }
    if (1 - leverage < 1e-10) return residuals.fill(Number.POSITIVE_INFINITY);
    for (let target = 0; target < targets; target++) {
      residuals[row * targets + target] =
        (centred[row * targets + target]! - fitted[target]!) / (1 - leverage);
    }
  }
  return residuals;
}

function meanSquare(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value ** 2;
  return total / values.length;
}

/** Mean squared error of leaving each row out; infinite where a row fixes the fit by itself. */
export function leaveOneOutError(parts: RidgeDecomposition, y: RidgeTargets, lambda: number): number {
  return meanSquare(leaveOneOutResiduals(parts, y, lambda));
}

/** W = V (S^2 + lambda)^-1 z^T Y, [targets, features] row-major. */
export function ridgeWeights(parts: RidgeDecomposition, y: RidgeTargets, lambda: number): Float64Array {
  const { features, values, vectors } = parts;
  const weights = new Float64Array(y.targets * features);
  for (let feature = 0; feature < features; feature++) {
    const shrink = 1 / (Math.max(0, values[feature]!) + lambda);
    for (let target = 0; target < y.targets; target++) {
      const coefficient = shrink * y.moments[feature * y.targets + target]!;
      for (let k = 0; k < features; k++) {
        weights[target * features + k]! += coefficient * vectors[feature * features + k]!;
      }
    }
  }
  return weights;
}

/** @param lambdas - positive penalties to choose from, ascending; ties and undefined errors go to the largest */
export function fitRidge(problem: RidgeProblem, lambdas: readonly number[]): RidgeFit {
  const { rows, features, targets } = problem;
  const parts = decomposeRidge(problem.x, rows, features);
  const y = ridgeTargets(parts, problem.y, targets);
  const leaveOneOutErrors = Float64Array.from(lambdas, (lambda) => leaveOneOutError(parts, y, lambda));
  const lambda = lambdas[smallestError(leaveOneOutErrors)]!;
  const weights = ridgeWeights(parts, y, lambda);
  const intercepts = y.means.map(
    (mean, target) => mean - dot(weights, target * features, parts.xMeans, 0, features),
  );
  return {
    lambda,
    weights,
    intercepts,
    leaveOneOutErrors,
    leaveOneOutResiduals: leaveOneOutResiduals(parts, y, lambda),
  };
}

/** Index of the smallest error; ties and undefined errors go to the last. */
export function smallestError(errors: Float64Array): number {
  let chosen = errors.length - 1;
  for (let index = chosen - 1; index >= 0; index--) {
    if (errors[index]! < errors[chosen]!) chosen = index;
  }
  return chosen;
}
