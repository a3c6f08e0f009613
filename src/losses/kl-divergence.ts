/** Kullback-Leibler divergence between a softmax and given target distributions, in both directions. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { staticShape } from "../tensor/shape.ts";

/** Below this, a target probability counts as this in the logarithm. */
const SMALLEST_PROBABILITY = 1e-30;

function weighted(perElement: Value, weights: Value | undefined): Value {
  if (weights) return ops.sumAll(ops.mul(perElement, weights));
  const rows = staticShape(perElement.shape)[0]!;
  return ops.mul(ops.sumAll(perElement), ops.scalarLike(perElement, 1 / rows));
}

/**
 * KL(targets || softmax(logits)), in nats, averaged over rows; torch.nn.functional.kl_div with "batchmean".
 * Target entries of 0 contribute 0.
 *
 * @param logits f32 [N, C]
 * @param targets f32 [N, C], rows sum to 1
 * @param weights f32 [N, C], constant along a row: the weighted sum over rows instead of their mean
 */
export function klDivergence(logits: Value, targets: Value, weights?: Value): Value {
  const zero = ops.scalarLike(targets, 0);
  const isPositive = ops.greater(targets, zero);
  const safe = ops.where(isPositive, targets, ops.scalarLike(targets, 1));
  const difference = ops.sub(ops.log(safe), ops.logSoftmax(logits));
  return weighted(ops.mul(targets, difference), weights);
}

/**
 * KL(softmax(logits) || targets), in nats, averaged over rows. It grows without bound where a target is 0: smaller
 * probabilities than 1e-30 count as 1e-30.
 *
 * @param logits f32 [N, C]
 * @param targets f32 [N, C], rows sum to 1
 * @param weights f32 [N, C], constant along a row: the weighted sum over rows instead of their mean
 */
export function reverseKlDivergence(logits: Value, targets: Value, weights?: Value): Value {
  const least = ops.scalarLike(targets, SMALLEST_PROBABILITY);
  const safe = ops.where(ops.greater(targets, least), targets, least);
  const difference = ops.sub(ops.logSoftmax(logits), ops.log(safe));
  return weighted(ops.mul(ops.softmax(logits), difference), weights);
}
