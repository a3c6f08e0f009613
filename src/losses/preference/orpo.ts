/** ORPO: supervised fine-tuning on the chosen response and an odds ratio against the rejected one; no reference. */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import { negativeLogSigmoid } from "./pair-losses.ts";

/** log(1 - p) is taken of no p above 1 - this: an average log-probability of 0 would be minus infinity. */
const LEAST_COMPLEMENT = 1e-7;

/** log(p / (1 - p)) of log p [N]. */
function logOdds(logProbability: Value): Value {
  const complement = ops.sub(ops.scalarLike(logProbability, 1), ops.exp(logProbability));
  const least = ops.scalarLike(complement, LEAST_COMPLEMENT);
  const kept = ops.where(ops.greater(complement, least), complement, least);
  return ops.sub(logProbability, ops.log(kept));
}

/**
 * -log sigmoid(log odds(chosen) - log odds(rejected)) [N], with odds of the average log-probability of a token; ORPO
 * (arXiv 2403.07691, eq. 4 and 7).
 *
 * @param chosen average log-probability of a token of the chosen responses [N], below 0
 */
export function oddsRatioLoss(chosen: Value, rejected: Value): Value {
  return negativeLogSigmoid(ops.sub(logOdds(chosen), logOdds(rejected)));
}

/** -average + lambda x oddsRatioLoss [N]; ORPO eq. 6. */
export function orpoLoss(chosen: Value, rejected: Value, lambda: number): Value {
  const ratio = oddsRatioLoss(chosen, rejected);
  return ops.sub(ops.mul(ratio, ops.scalarLike(ratio, lambda)), chosen);
}
