/**
 * Logistic curves through scores and qualities in [0, 1], with a Gaussian prior on slope and intercept.
 *
 * minimise sum_i [log(1 + e^{z_i}) - y_i z_i] + (precision / 2) |(slope, intercept) - centre|^2, z_i = slope s_i + intercept
 *
 * The slope never goes below 0: a calibrated quality that falls as the score rises would contradict the router.
 *
 * Source: Platt, Probabilistic outputs for support vector machines, 1999; Newton's method with backtracking as in Lin, Lin
 * and Weng, A note on Platt's probabilistic outputs, 2007.
 */

/** Newton converges in fewer than ten steps on real scores; damping needs a few more. */
const MAXIMUM_STEPS = 100;
/** Keeps the Hessian invertible when all scores are equal. */
const DAMPING = 1e-10;
const GRADIENT_TOLERANCE = 1e-10;

export interface LogisticCurve {
  readonly slope: number;
  readonly intercept: number;
}

export interface LogisticPrior {
  readonly centre: LogisticCurve;
  /** Inverse variance of slope and intercept; 0 is no prior. */
  readonly precision: number;
}

export const NO_PRIOR: LogisticPrior = { centre: { slope: 0, intercept: 0 }, precision: 0 };

/** 1 / (1 + e^-z), exact to rounding at both ends. */
export function sigmoid(z: number): number {
  if (z >= 0) return 1 / (1 + Math.exp(-z));
  const power = Math.exp(z);
  return power / (1 + power);
}

/** log(p / (1 - p)) of a probability moved inside [1e-6, 1 - 1e-6]. */
export function logit(probability: number): number {
  const inside = Math.min(1 - 1e-6, Math.max(1e-6, probability));
  return Math.log(inside / (1 - inside));
}

/** log(1 + e^z) without overflow. */
function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** Row-major [rows, features]; the parameters are one weight a feature. */
interface Problem {
  readonly features: Float64Array;
  readonly targets: ArrayLike<number>;
  readonly centre: Float64Array;
  readonly precision: number;
}

function linear(features: Float64Array, row: number, weights: Float64Array): number {
  let z = 0;
  for (let k = 0; k < weights.length; k++) z += weights[k]! * features[row * weights.length + k]!;
  return z;
}

function objective({ features, targets, centre, precision }: Problem, weights: Float64Array): number {
  let total = 0;
  for (let k = 0; k < weights.length; k++) total += (precision / 2) * (weights[k]! - centre[k]!) ** 2;
  for (let row = 0; row < targets.length; row++) {
    const z = linear(features, row, weights);
    total += softplus(z) - targets[row]! * z;
  }
  return total;
}

/** Gradient, and Hessian as [features, features] row-major. */
function derivatives({ features, targets, centre, precision }: Problem, weights: Float64Array) {
  const width = weights.length;
  const gradient = weights.map((weight, k) => precision * (weight - centre[k]!));
  const hessian = new Float64Array(width * width);
  for (let k = 0; k < width; k++) hessian[k * width + k] = precision + DAMPING;
  for (let row = 0; row < targets.length; row++) {
    const p = sigmoid(linear(features, row, weights));
    for (let k = 0; k < width; k++) {
      const feature = features[row * width + k]!;
      gradient[k]! += (p - targets[row]!) * feature;
      for (let other = 0; other < width; other++) {
        hessian[k * width + other]! += p * (1 - p) * feature * features[row * width + other]!;
      }
    }
  }
  return { gradient, hessian };
}

/** x of A x = b for a small positive definite A, by Gaussian elimination; overwrites both. */
function solve(a: Float64Array, b: Float64Array): Float64Array {
  const width = b.length;
  for (let pivot = 0; pivot < width; pivot++) {
    for (let row = pivot + 1; row < width; row++) {
      const factor = a[row * width + pivot]! / a[pivot * width + pivot]!;
      for (let k = pivot; k < width; k++) a[row * width + k]! -= factor * a[pivot * width + k]!;
      b[row]! -= factor * b[pivot]!;
    }
  }
  for (let row = width - 1; row >= 0; row--) {
    for (let k = row + 1; k < width; k++) b[row]! -= a[row * width + k]! * b[k]!;
    b[row]! /= a[row * width + row]!;
  }
  return b;
}

/** Newton's method from the prior's centre. */
function minimise(problem: Problem): Float64Array {
  let weights = problem.centre;
  let value = objective(problem, weights);
  for (let step = 0; step < MAXIMUM_STEPS; step++) {
    const { gradient, hessian } = derivatives(problem, weights);
    if (Math.hypot(...gradient) < GRADIENT_TOLERANCE) break;
    const move = solve(hessian, gradient.slice());
    const descent = move.reduce((sum, part, k) => sum + part * gradient[k]!, 0);
    let next = weights;
    let nextValue = Number.POSITIVE_INFINITY;
    for (let length = 1; length > 1e-10; length /= 2) {
      next = weights.map((weight, k) => weight - length * move[k]!);
      nextValue = objective(problem, next);
      if (nextValue <= value - 1e-4 * length * descent) break;
    }
    // Rounding is all that is left when no step lowers the objective.
    if (!(nextValue < value)) break;
    weights = next;
    value = nextValue;
  }
  return weights;
}

/** Weights of sigmoid(w . x), without prior. @param features - [rows, width] row-major */
export function fitLogisticWeights(
  features: Float64Array,
  targets: ArrayLike<number>,
  width: number,
): Float64Array {
  return minimise({ features, targets, centre: new Float64Array(width), precision: 0 });
}

/**
 * Slope and intercept.
 *
 * @param targets - qualities in [0, 1], one per score
 */
export function fitLogistic(
  scores: ArrayLike<number>,
  targets: ArrayLike<number>,
  { centre, precision }: LogisticPrior = NO_PRIOR,
): LogisticCurve {
  const features = Float64Array.from({ length: 2 * scores.length }, (_, at) =>
    at % 2 === 0 ? scores[at / 2]! : 1,
  );
  const both = Float64Array.of(centre.slope, centre.intercept);
  const [slope, intercept] = minimise({ features, targets, centre: both, precision });
  if (slope! >= 0) return { slope: slope!, intercept: intercept! };
  const ones = new Float64Array(scores.length).fill(1);
  const alone = Float64Array.of(centre.intercept);
  return { slope: 0, intercept: minimise({ features: ones, targets, centre: alone, precision })[0]! };
}

/**
 * The temperature T of sigmoid(s / T): one number that keeps a score of 0 at one half. Infinite when the scores say
 * nothing, or the opposite of the truth.
 *
 * Source: Guo et al., On calibration of modern neural networks, arXiv 1706.04599, section 4.2.
 */
export function fitTemperature(scores: ArrayLike<number>, targets: ArrayLike<number>): number {
  const slope = fitLogisticWeights(Float64Array.from(scores), targets, 1)[0]!;
  return slope > 0 ? 1 / slope : Number.POSITIVE_INFINITY;
}

/**
 * Platt's targets: qualities drawn towards one half as a Beta(1, 1) prior would, so that separable scores still have a
 * finite fit. y (P + 1) / (P + 2) + (1 - y) / (N + 2), with P the sum of the qualities and N that of their complements.
 */
export function plattTargets(qualities: ArrayLike<number>): Float64Array {
  let positives = 0;
  for (let index = 0; index < qualities.length; index++) positives += qualities[index]!;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (qualities.length - positives + 2);
  return Float64Array.from(qualities, (quality) => quality * high + (1 - quality) * low);
}
