/**
 * Limited-memory BFGS with a backtracking line search, for smooth convex functions of a few thousand variables.
 *
 * Source: Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 3.1 and 7.4.
 */
import { dot } from "../../embedding/dot.ts";

const MEMORY = 10;
/** Share of the decrease that the slope promises, of the source's equation 3.4. */
const SUFFICIENT_DECREASE = 1e-4;
const MAXIMUM_HALVINGS = 40;

/** Writes the gradient at `x` and returns the value. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  /** Largest absolute component of the gradient at `x`. */
  readonly largestSlope: number;
  readonly iterations: number;
}

interface Correction {
  /** x_{k+1} - x_k */
  readonly step: Float64Array;
  /** gradient_{k+1} - gradient_k */
  readonly change: Float64Array;
  readonly curvature: number;
}

const product = (a: Float64Array, b: Float64Array): number => dot(a, 0, b, 0, a.length);
const largest = (values: Float64Array): number =>
  values.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);

function addScaled(target: Float64Array, source: Float64Array, factor: number): void {
  for (let index = 0; index < target.length; index++) target[index]! += factor * source[index]!;
}

/** -H gradient, H the inverse Hessian that the corrections stand for (two-loop recursion). */
function direction(gradient: Float64Array, corrections: readonly Correction[]): Float64Array {
  const result = gradient.map((value) => -value);
  const shares: number[] = [];
  for (const { step, change, curvature } of [...corrections].reverse()) {
    const share = product(step, result) / curvature;
    shares.push(share);
    addScaled(result, change, -share);
  }
  const last = corrections.at(-1);
  if (last) {
    const scale = last.curvature / product(last.change, last.change);
    for (let index = 0; index < result.length; index++) result[index]! *= scale;
  }
  for (const { step, change, curvature } of corrections) {
    addScaled(result, step, shares.pop()! - product(change, result) / curvature);
  }
  return result;
}

/**
 * Minimises until no component of the gradient exceeds `tolerance`, or no step decreases the value any more, or
 * `maximumIterations` are done.
 */
export function minimise(
  objective: Objective,
  start: Float64Array,
  { tolerance = 1e-6, maximumIterations = 200 } = {},
): Minimum {
  let x = start.slice();
  let gradient = new Float64Array(x.length);
  let value = objective(x, gradient);
  const corrections: Correction[] = [];
  let iterations = 0;
  for (; iterations < maximumIterations && largest(gradient) > tolerance; iterations++) {
    const way = direction(gradient, corrections);
    const slope = product(way, gradient);
    const nextGradient = new Float64Array(x.length);
    // Without curvature known yet, the gradient's own length says nothing of a good step.
    let length = corrections.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    let nextX = x;
    let nextValue = Number.POSITIVE_INFINITY;
    for (let halving = 0; halving < MAXIMUM_HALVINGS; halving++, length /= 2) {
      nextX = x.slice();
      addScaled(nextX, way, length);
      nextValue = objective(nextX, nextGradient);
      if (nextValue <= value + SUFFICIENT_DECREASE * length * slope) break;
    }
    if (!(nextValue < value)) break;
    const step = nextX.map((component, index) => component - x[index]!);
    const change = nextGradient.map((component, index) => component - gradient[index]!);
    const curvature = product(step, change);
    if (curvature > 0) corrections.push({ step, change, curvature });
    if (corrections.length > MEMORY) corrections.shift();
    x = nextX;
    gradient = nextGradient;
    value = nextValue;
  }
  return { x, value, largestSlope: largest(gradient), iterations };
}
