/**
 * Newton-Schulz iteration towards the nearest semi-orthogonal matrix, as graph: singular values of the result lie
 * near 1 (between about 0.7 and 1.2), which is all that Muon needs.
 *
 *   X = G / max(|G|_F, epsilon);  five times: A = X X^T,  X <- a X + (b A + c A A) X
 *
 * Coefficients: K. Jordan, "Muon: an optimizer for hidden layers in neural networks" (2024). Computed in float32
 * (torch.optim.Muon rounds to bfloat16 first).
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";

const [A, B, C] = [3.4445, -4.775, 2.0315];
const ITERATIONS = 5;
const EPSILON = 1e-7;

/** @param matrix f32 [M, N]; the iteration runs on the side that is shorter */
export function newtonSchulz(matrix: Value): Value {
  const [rows, columns] = matrix.shape.map(Number) as [number, number];
  const isTall = rows > columns;
  let x = isTall ? ops.transpose(matrix, [1, 0]) : matrix;
  const norm = ops.sqrt(ops.sumAll(ops.mul(x, x)));
  const epsilon = ops.scalarLike(norm, EPSILON);
  x = ops.div(x, ops.where(ops.greater(norm, epsilon), norm, epsilon));
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const gram = ops.matmul(x, x, { transposeB: true });
    const polynomial = ops.add(ops.mul(gram, ops.scalarLike(gram, B)), ops.matmul(gram, gram, { alpha: C }));
    x = ops.add(ops.mul(x, ops.scalarLike(x, A)), ops.matmul(polynomial, x));
  }
  return isTall ? ops.transpose(x, [1, 0]) : x;
}
