/** Cross-entropy over few classes; for vocabularies see vocabulary-cross-entropy.ts. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";

/**
 * Mean over rows with label >= 0 of -log softmax(logits)[label], in nats; 0 when every row is ignored
 * (torch.nn.functional.cross_entropy gives NaN there).
 *
 * @param logits f32 [N, C]
 * @param labels i32 [N]; negative = ignored
 */
export function crossEntropy(logits: Value, labels: Value): Value {
  const isLabelled = ops.greaterOrEqual(labels, ops.scalarLike(labels, 0));
  const kept = ops.toFloat32(isLabelled);
  const safeLabels = ops.where(isLabelled, labels, ops.scalarLike(labels, 0));
  const picked = ops.reshape(ops.pickLast(ops.logSoftmax(logits), safeLabels), labels.shape);
  const count = ops.sumAll(kept);
  const atLeastOne = ops.where(ops.greater(count, ops.scalarLike(count, 0)), count, ops.scalarLike(count, 1));
  return ops.div(ops.neg(ops.sumAll(ops.mul(picked, kept))), atLeastOne);
}
