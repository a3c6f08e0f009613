/**
 * Bradley-Terry strengths, optionally with covariates that the comparison must not depend on:
 *
 *   P(first wins) = sigmoid(theta_first - theta_second + beta . z)
 *   maximise sum_i w_i [y_i log p_i + (1 - y_i) log(1 - p_i)] - ridge / 2 (|theta|^2 + |beta|^2)
 *
 * y in [0, 1], a tie is 1/2. The ridge makes the strengths add up to 0 and keeps them finite where a model wins everything.
 *
 * Source: Bradley and Terry 1952; with covariates as in Chatbot Arena's style control (lmsys.org, August 2024).
 */
import { solvePositiveDefinite } from "../../statistics/cholesky.ts";
import { sigmoid, softplus } from "../../statistics/stable-functions.ts";

/** Comparisons as columns: row i is models `first[i]` against `second[i]`. */
export interface Comparisons {
  readonly models: number;
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** Share of the win that is the first's, [rows]. */
  readonly outcomes: Float64Array;
  readonly weights: Float64Array;
  /** z, [rows, covariates] row-major. */
  readonly z: Float64Array;
  readonly covariates: number;
}

export interface BradleyTerryFit {
  /** theta, in nats, [models] */
  readonly strengths: Float64Array;
  /** beta, [covariates] */
  readonly coefficients: Float64Array;
  readonly iterations: number;
}

export const DEFAULT_RIDGE = 0.01;
const MAXIMUM_ITERATIONS = 100;
/** Gradient times Newton step, twice what the loss can still fall by. */
const FINAL_DECREMENT = 1e-8;
const MAXIMUM_HALVINGS = 40;

function logit(data: Comparisons, parameters: Float64Array, row: number): number {
  let value = parameters[data.first[row]!]! - parameters[data.second[row]!]!;
  for (let k = 0; k < data.covariates; k++)
    value += parameters[data.models + k]! * data.z[row * data.covariates + k]!;
  return value;
}

/** Negative log-likelihood with the penalty. */
function lossOf(data: Comparisons, parameters: Float64Array, ridge: number): number {
  let loss = 0;
  for (let row = 0; row < data.outcomes.length; row++) {
    const value = logit(data, parameters, row);
    loss += data.weights[row]! * (softplus(value) - data.outcomes[row]! * value);
  }
  return parameters.reduce((sum, value) => sum + (ridge / 2) * value * value, loss);
}

/** Gradient and Hessian of {@link lossOf}; design rows have two entries of models and those of the covariates. */
function derivatives(data: Comparisons, parameters: Float64Array, ridge: number) {
  const { models, first, second, outcomes, weights, z, covariates } = data;
  const size = parameters.length;
  const gradient = parameters.map((value) => ridge * value);
  const hessian = new Float64Array(size * size);
  for (let k = 0; k < size; k++) hessian[k * size + k] = ridge;
  for (let row = 0; row < outcomes.length; row++) {
    const weight = weights[row]!;
    if (weight === 0) continue;
    const [a, b] = [first[row]!, second[row]!];
    const p = sigmoid(logit(data, parameters, row));
    const slope = weight * (p - outcomes[row]!);
    const curvature = weight * p * (1 - p);
    gradient[a]! += slope;
    gradient[b]! -= slope;
    hessian[a * size + a]! += curvature;
    hessian[b * size + b]! += curvature;
    hessian[a * size + b]! -= curvature;
    hessian[b * size + a]! -= curvature;
    for (let k = 0; k < covariates; k++) {
      const column = models + k;
      const value = z[row * covariates + k]!;
      gradient[column]! += slope * value;
      for (const [index, entry] of [
        [a, curvature * value],
        [b, -curvature * value],
      ] as const) {
        hessian[index * size + column]! += entry;
        hessian[column * size + index]! += entry;
      }
      for (let l = 0; l < covariates; l++)
        hessian[column * size + models + l]! += curvature * value * z[row * covariates + l]!;
    }
  }
  return { gradient, hessian };
}

/**
 * Newton's method with step halving; the objective is convex, so what it finds is the optimum.
 *
 * @param ridge - above 0
 * @param start - theta then beta, such as a fit to similar data; zeros when absent
 */
export function fitBradleyTerry(
  data: Comparisons,
  { ridge = DEFAULT_RIDGE, start }: { readonly ridge?: number; readonly start?: Float64Array } = {},
): BradleyTerryFit {
  let parameters: Float64Array = start?.slice() ?? new Float64Array(data.models + data.covariates);
  let loss = lossOf(data, parameters, ridge);
  let iterations = 0;
  for (; iterations < MAXIMUM_ITERATIONS; iterations++) {
    const { gradient, hessian } = derivatives(data, parameters, ridge);
    const step = solvePositiveDefinite(hessian, gradient);
    if (step === undefined) break;
    const moved = (share: number) => parameters.map((value, index) => value - share * step[index]!);
    const decrement = step.reduce((sum, value, index) => sum + value * gradient[index]!, 0);
    // So near, convergence is quadratic, and differences of the loss drown in its rounding.
    if (decrement < FINAL_DECREMENT) {
      parameters = moved(1);
      break;
    }
    let share = 1;
    let next = moved(share);
    let nextLoss = lossOf(data, next, ridge);
    for (let halving = 0; nextLoss > loss && halving < MAXIMUM_HALVINGS; halving++) {
      share /= 2;
      next = moved(share);
      nextLoss = lossOf(data, next, ridge);
    }
    [parameters, loss] = [next, nextLoss];
  }
  return {
    strengths: parameters.slice(0, data.models),
    coefficients: parameters.slice(data.models),
    iterations,
  };
}

/**
 * Rows of the same two models and no covariates as one row each, with the summed weight and the mean outcome: the
 * likelihood is the same.
 */
export function aggregated(data: Comparisons): Comparisons {
  const { models } = data;
  const wins = new Float64Array(models * models);
  for (let row = 0; row < data.outcomes.length; row++) {
    const [a, b] = [data.first[row]!, data.second[row]!];
    wins[a * models + b]! += data.weights[row]! * data.outcomes[row]!;
    wins[b * models + a]! += data.weights[row]! * (1 - data.outcomes[row]!);
  }
  const pairs: [number, number][] = [];
  for (let a = 0; a < models; a++) {
    for (let b = a + 1; b < models; b++)
      if (wins[a * models + b]! + wins[b * models + a]! > 0) pairs.push([a, b]);
  }
  const weights = Float64Array.from(pairs, ([a, b]) => wins[a * models + b]! + wins[b * models + a]!);
  return {
    models,
    first: Int32Array.from(pairs, ([a]) => a),
    second: Int32Array.from(pairs, ([, b]) => b),
    outcomes: Float64Array.from(pairs, ([a, b], row) => wins[a * models + b]! / weights[row]!),
    weights,
    z: new Float64Array(0),
    covariates: 0,
  };
}

/** 400 / ln 10: a difference of 400 points is odds of ten to one. */
export const ELO_POINTS_PER_NAT = 400 / Math.LN10;
