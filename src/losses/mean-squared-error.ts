/** Mean squared error. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { sizeOf } from "../tensor/shape.ts";

/**
 * mean((predictions - targets)^2) over all elements; all f32 of one shape.
 *
 * @param weights sum(weights * square) instead of the mean
 */
export function meanSquaredError(predictions: Value, targets: Value, weights?: Value): Value {
  const difference = ops.sub(predictions, targets);
  const square = ops.mul(difference, difference);
  if (weights) return ops.sumAll(ops.mul(square, weights));
  const total = ops.sumAll(square);
  return ops.mul(total, ops.scalarLike(total, 1 / sizeOf(predictions.shape)));
}
