/** WRPO: the winner is a weighted mix of the best response of the source models and the best one of the target model. */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import { sigmoidLoss } from "./pair-losses.ts";

/**
 * -log sigmoid(a r(source's winner) + (1 - a) r(target's winner) - r(loser)) [N]; WRPO (arXiv 2412.03187, eq. 5).
 *
 * @param sourceChosen implicitReward of the source's winner [N], and so on
 * @param sourceShare a [], grows over training
 */
export function wrpoLoss(
  sourceChosen: Value,
  targetChosen: Value,
  rejected: Value,
  sourceShare: Value,
): Value {
  const fused = ops.add(targetChosen, ops.mul(ops.sub(sourceChosen, targetChosen), sourceShare));
  return sigmoidLoss(ops.sub(fused, rejected));
}
