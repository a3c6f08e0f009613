/** Scores that are linear in a prompt's embedding. */
import { dot } from "../embedding/dot.ts";

export interface LinearMap {
  /** [candidates, dimension] row-major. */
  readonly weights: Float32Array | Float64Array;
  /** [candidates] */
  readonly intercepts: Float32Array | Float64Array;
}

/** W x + b, one value per row of W. */
export function linearScores({ weights, intercepts }: LinearMap, vector: Float32Array): Float64Array {
  const dimension = vector.length;
  return Float64Array.from(
    intercepts,
    (bias, row) => bias + dot(weights, row * dimension, vector, 0, dimension),
  );
}
