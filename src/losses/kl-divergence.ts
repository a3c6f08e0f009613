/** Kullback-Leibler divergence of a softmax from given target distributions. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { staticShape } from "../tensor/shape.ts";

/**
 * KL(targets || softmax(logits)), in nats, averaged over rows; torch.nn.functional.kl_div with "batchmean".
 * Target entries of 0 contribute 0.
 *
 * @param logits f32 [N, C]
 * @param targets f32 [N, C], rows sum to 1
 */
export function klDivergence(logits: Value, targets: Value): Value {
  const rows = staticShape(logits.shape)[0]!;
  const zero = ops.scalarLike(targets, 0);
  const isPositive = ops.greater(targets, zero);
  const safe = ops.where(isPositive, targets, ops.scalarLike(targets, 1));
  const difference = ops.sub(ops.log(safe), ops.logSoftmax(logits));
  return ops.mul(ops.sumAll(ops.mul(targets, difference)), ops.scalarLike(logits, 1 / rows));
}
