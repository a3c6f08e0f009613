/** Contrastive loss with the positives and negatives of each row given as masks. */
import * as ops from "../../../graph/functions.ts";
import type { Value } from "../../../graph/ir.ts";
import { staticShape } from "../../../tensor/shape.ts";

/** A row without negatives has log 0 = -infinity there; this stands for it. */
const SMALLEST_SUM = 1e-30;

/**
 * 1/N sum_i sum_{j in P_i} -log [exp(s_ij) / (exp(s_ij) + sum_{k in N_i} exp(s_ik))], which is
 * softplus(log sum_k exp(s_ik) - s_ij); rows without positives add nothing.
 *
 * Source: RouterDC, arXiv 2409.19886, equations 2 and 4.
 *
 * @param similarities f32 [N, M], cosines over a temperature: small enough for exp
 * @param positives f32 [N, M], 1 for members of P_i, else 0
 * @param negatives f32 [N, M], 1 for members of N_i, else 0
 */
export function contrastiveLoss(similarities: Value, positives: Value, negatives: Value): Value {
  const [rows] = staticShape(similarities.shape) as [number, number];
  const powers = ops.mul(ops.exp(similarities), negatives);
  const sums = ops.reduceSum(powers, [-1]);
  const against = ops.log(ops.add(sums, ops.scalarLike(sums, SMALLEST_SUM)));
  const each = ops.softplus(ops.sub(against, similarities));
  return ops.mul(ops.sumAll(ops.mul(each, positives)), ops.scalarLike(similarities, 1 / rows));
}
