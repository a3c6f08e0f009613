/** KTO: responses that are good or bad each by itself, without pairs. */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";

export interface KtoSettings {
  readonly beta: number;
  /** lambda_D: weight of good responses. */
  readonly desirableWeight: number;
  /** lambda_U: weight of bad ones. */
  readonly undesirableWeight: number;
}

/**
 * max(0, weighted mean of log-ratios), a constant to the derivative: KTO's z_0 (arXiv 2402.01306, section 4.1), an estimate of
 * KL(pi || pi_ref) from responses to other prompts.
 *
 * @param logRatios of mismatched responses [N]
 * @param weights [N], adding up to 1
 */
export function referencePoint(logRatios: Value, weights: Value): Value {
  return ops.stopGradient(ops.relu(ops.sumAll(ops.mul(logRatios, weights))));
}

/**
 * lambda_D (1 - sigmoid(beta (d - z_0))) of good responses, lambda_U (1 - sigmoid(beta (z_0 - d))) of bad ones [N]; KTO, eq. 8.
 *
 * @param logRatios d = log pi(y|x) - log pi_ref(y|x) [N]
 * @param isDesirable f32 [N], 1 or 0
 * @param reference z_0 []
 */
export function ktoLoss(
  logRatios: Value,
  isDesirable: Value,
  reference: Value,
  { beta, desirableWeight, undesirableWeight }: KtoSettings,
): Value {
  const one = ops.scalarLike(logRatios, 1);
  const sign = ops.sub(ops.mul(isDesirable, ops.scalarLike(logRatios, 2)), one);
  const gain = ops.mul(ops.sub(logRatios, reference), ops.mul(sign, ops.scalarLike(logRatios, beta)));
  const good = ops.mul(isDesirable, ops.scalarLike(logRatios, desirableWeight));
  const bad = ops.mul(ops.sub(one, isDesirable), ops.scalarLike(logRatios, undesirableWeight));
  return ops.mul(ops.add(good, bad), ops.sigmoid(ops.neg(gain)));
}
