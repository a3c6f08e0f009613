/** Kullback-Leibler divergence of given target distributions from a softmax: the mode-seeking direction. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { staticShape } from "../tensor/shape.ts";

/** Target entries of 0 would make the divergence infinite; they count as this. */
const SMALLEST_TARGET = 1e-30;

/**
 * KL(softmax(logits) || targets), in nats, averaged over rows.
 *
 * @param logits f32 [N, C]
 * @param targets f32 [N, C], rows sum to 1
 */
export function reverseKlDivergence(logits: Value, targets: Value): Value {
  const rows = staticShape(logits.shape)[0]!;
  const smallest = ops.scalarLike(targets, SMALLEST_TARGET);
  const safe = ops.where(ops.greater(targets, smallest), targets, smallest);
  const logProbabilities = ops.logSoftmax(logits);
  const difference = ops.sub(logProbabilities, ops.log(safe));
  const total = ops.sumAll(ops.mul(ops.exp(logProbabilities), difference));
  return ops.mul(total, ops.scalarLike(logits, 1 / rows));
}
