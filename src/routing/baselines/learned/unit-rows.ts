/** Rows of length 1. */
import * as ops from "../../../graph/functions.ts";
import type { Value } from "../../../graph/ir.ts";

/** Keeps the gradient of a zero row finite. */
const EPSILON = 1e-12;

/** x_i / |x_i| for each row of x f32 [N, H]. */
export function unitRows(x: Value): Value {
  const squares = ops.reduceSum(ops.mul(x, x), [-1]);
  return ops.div(x, ops.sqrt(ops.add(squares, ops.scalarLike(squares, EPSILON))));
}
