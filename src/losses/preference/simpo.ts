/** SimPO: no reference; the reward is the average log-probability of a token. */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import { sigmoidLoss } from "./pair-losses.ts";

export interface SimpoSettings {
  readonly beta: number;
  /** gamma: the margin that a chosen response's reward shall have over the rejected one's. */
  readonly targetMargin: number;
  /** @default 0 */
  readonly labelSmoothing?: number;
}

/** (beta / |y|) log pi(y|x) [N] from sums of log-probabilities [N] and token counts [N]. */
export function averageReward(policy: Value, tokens: Value, beta: number): Value {
  const average = ops.div(policy, tokens);
  return ops.mul(average, ops.scalarLike(average, beta));
}

/**
 * -log sigmoid(r(chosen) - r(rejected) - gamma) [N]; SimPO (arXiv 2405.14734, eq. 6).
 *
 * @param chosen averageReward of the chosen responses [N]
 */
export function simpoLoss(chosen: Value, rejected: Value, settings: SimpoSettings): Value {
  const margin = ops.sub(chosen, rejected);
  return sigmoidLoss(ops.sub(margin, ops.scalarLike(margin, settings.targetMargin)), settings.labelSmoothing);
}
