/** Binary cross-entropy on logits. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";

/**
 * Weighted mean of softplus(x) - x z, which equals -z log s(x) - (1 - z) log(1 - s(x)) without overflow.
 * torch.nn.functional.binary_cross_entropy_with_logits.
 *
 * @param logits f32, any shape
 * @param targets f32, same shape, in [0, 1]
 * @param weights f32, same shape; sum(weights * loss) is returned, so weights of 1 / size give the mean
 */
export function binaryCrossEntropyWithLogits(logits: Value, targets: Value, weights: Value): Value {
  const perElement = ops.sub(ops.softplus(logits), ops.mul(logits, targets));
  return ops.sumAll(ops.mul(perElement, weights));
}
