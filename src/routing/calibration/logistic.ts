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

interface Problem {
  readonly scores: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  readonly prior: LogisticPrior;
  /** A fixed parameter keeps its starting value. */
  readonly isFree: { readonly slope: boolean; readonly intercept: boolean };
}

function objective({ scores, targets, prior }: Problem, { slope, intercept }: LogisticCurve): number {
  let total =
    (prior.precision / 2) *
    ((slope - prior.centre.slope) ** 2 + (intercept - prior.centre.intercept) ** 2);
  for (let index = 0; index < scores.length; index++) {
    const z = slope * scores[index]! + intercept;
    total += softplus(z) - targets[index]! * z;
  }
  return total;
}

/** Gradient and Hessian in the order slope, intercept; fixed parameters have gradient 0 and curvature 1. */
function derivatives({ scores, targets, prior, isFree }: Problem, { slope, intercept }: LogisticCurve) {
  let gradientSlope = prior.precision * (slope - prior.centre.slope);
  let gradientIntercept = prior.precision * (intercept - prior.centre.intercept);
  let [slopeSlope, slopeIntercept, interceptIntercept] = [
    prior.precision + DAMPING,
    0,
    prior.precision + DAMPING,
  ];
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index]!;
    const p = sigmoid(slope * score + intercept);
    const error = p - targets[index]!;
    const weight = p * (1 - p);
    gradientSlope += error * score;
    gradientIntercept += error;
    slopeSlope += weight * score * score;
    slopeIntercept += weight * score;
    interceptIntercept += weight;
  }
  if (!isFree.slope) [gradientSlope, slopeSlope, slopeIntercept] = [0, 1, 0];
  if (!isFree.intercept) [gradientIntercept, interceptIntercept, slopeIntercept] = [0, 1, 0];
  return { gradientSlope, gradientIntercept, slopeSlope, slopeIntercept, interceptIntercept };
}

function minimise(problem: Problem, start: LogisticCurve): LogisticCurve {
  let curve = start;
  let value = objective(problem, curve);
  for (let step = 0; step < MAXIMUM_STEPS; step++) {
    const d = derivatives(problem, curve);
    if (Math.hypot(d.gradientSlope, d.gradientIntercept) < GRADIENT_TOLERANCE) break;
    const determinant = d.slopeSlope * d.interceptIntercept - d.slopeIntercept ** 2;
    const moveSlope =
      (d.interceptIntercept * d.gradientSlope - d.slopeIntercept * d.gradientIntercept) / determinant;
    const moveIntercept =
      (d.slopeSlope * d.gradientIntercept - d.slopeIntercept * d.gradientSlope) / determinant;
    const slopeAlongMove = d.gradientSlope * moveSlope + d.gradientIntercept * moveIntercept;
    let length = 1;
    let next = curve;
    let nextValue = Number.POSITIVE_INFINITY;
    for (; length > 1e-10; length /= 2) {
      next = {
        slope: curve.slope - length * moveSlope,
        intercept: curve.intercept - length * moveIntercept,
      };
      nextValue = objective(problem, next);
      if (nextValue <= value - 1e-4 * length * slopeAlongMove) break;
    }
    // Rounding is all that is left when no step lowers the objective.
    if (!(nextValue < value)) break;
    curve = next;
    value = nextValue;
  }
  return curve;
}

/**
 * Slope and intercept.
 *
 * @param targets - qualities in [0, 1], one per score
 */
export function fitLogistic(
  scores: ArrayLike<number>,
  targets: ArrayLike<number>,
  prior: LogisticPrior = NO_PRIOR,
): LogisticCurve {
  const both = { scores, targets, prior, isFree: { slope: true, intercept: true } };
  const curve = minimise(both, prior.centre);
  if (curve.slope >= 0) return curve;
  const flat = { ...both, isFree: { slope: false, intercept: true } };
  return minimise(flat, { slope: 0, intercept: prior.centre.intercept });
}

/**
 * The temperature T of sigmoid(s / T): one number that keeps a score of 0 at one half. Infinite when the scores say
 * nothing, or the opposite of the truth.
 *
 * Source: Guo et al., On calibration of modern neural networks, arXiv 1706.04599, section 4.2.
 */
export function fitTemperature(scores: ArrayLike<number>, targets: ArrayLike<number>): number {
  const problem = { scores, targets, prior: NO_PRIOR, isFree: { slope: true, intercept: false } };
  const { slope } = minimise(problem, { slope: 1, intercept: 0 });
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
