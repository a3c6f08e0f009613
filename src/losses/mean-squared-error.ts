/** Mean squared error. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { sizeOf } from "../tensor/shape.ts";

/** mean((predictions - targets)^2) over all elements; both f32 of one shape. */
export function meanSquaredError(predictions: Value, targets: Value): Value {
  const difference = ops.sub(predictions, targets);
  const total = ops.sumAll(ops.mul(difference, difference));
  return ops.mul(total, ops.scalarLike(total, 1 / sizeOf(predictions.shape)));
}
