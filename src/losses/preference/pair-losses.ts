/**
 * Losses of a reward margin m = r(chosen) - r(rejected), all f32 [N] -> [N]. The rewards of the DPO family come from
 * `implicitReward`, those of a reward model from its head.
 */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";

const times = (x: Value, factor: number): Value => ops.mul(x, ops.scalarLike(x, factor));

/** -log sigmoid(x) without overflow. */
export const negativeLogSigmoid = (x: Value): Value => ops.softplus(ops.neg(x));

/**
 * -(1 - e) log sigmoid(m) - e log sigmoid(-m): DPO (arXiv 2305.18290, eq. 7) at e = 0, conservative DPO
 * (Mitchell, "A note on DPO with noisy preferences", 2023, eq. 3) above it.
 *
 * @param labelSmoothing e, the share of pairs taken to be the wrong way round, 0 to below 0.5
 */
export function sigmoidLoss(margin: Value, labelSmoothing = 0): Value {
  const right = negativeLogSigmoid(margin);
  if (labelSmoothing === 0) return right;
  const wrong = negativeLogSigmoid(ops.neg(margin));
  return ops.add(times(right, 1 - labelSmoothing), times(wrong, labelSmoothing));
}

/** max(0, 1 - m): SLiC-HF's hinge (arXiv 2305.10425, eq. 1) on DPO's rewards, as in RSO (arXiv 2309.06657, eq. 7). */
export function hingeLoss(margin: Value): Value {
  return ops.relu(ops.sub(ops.scalarLike(margin, 1), margin));
}

/**
 * (h - 1 / (2 beta))^2 for a margin h of log-ratios that beta has not been put on: IPO (arXiv 2310.12036, eq. 17). Its authors'
 * experiments average log-ratios over tokens, and so does TRL.
 */
export function identityPreferenceLoss(logRatioMargin: Value, beta: number): Value {
  const difference = ops.sub(logRatioMargin, ops.scalarLike(logRatioMargin, 1 / (2 * beta)));
  return ops.mul(difference, difference);
}

/**
 * (-(1 - e) log sigmoid(m) + e log sigmoid(-m)) / (1 - 2 e): robust DPO (arXiv 2403.00409, eq. 12), unbiased when a share e of
 * the pairs is the wrong way round.
 */
export function robustLoss(margin: Value, labelSmoothing: number): Value {
  const right = times(negativeLogSigmoid(margin), 1 - labelSmoothing);
  const wrong = times(negativeLogSigmoid(ops.neg(margin)), labelSmoothing);
  return times(ops.sub(right, wrong), 1 / (1 - 2 * labelSmoothing));
}
