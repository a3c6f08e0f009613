/** Reward models from pairs. */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import { negativeLogSigmoid } from "./pair-losses.ts";

export interface BradleyTerrySettings {
  /** By how much each chosen reward shall lead [N]; Llama 2 (arXiv 2307.09288, eq. 2). @default 0 */
  readonly margins?: Value;
  /** Weight of (r(chosen) + r(rejected))^2, which keeps rewards around 0; Eisenstein et al., arXiv 2312.09244. @default 0 */
  readonly centring?: number;
}

/**
 * -log sigmoid(r(chosen) - r(rejected) - margin) + centring (r(chosen) + r(rejected))^2 [N]; Bradley and Terry, Biometrika 39
 * (1952), as in Ouyang et al. (arXiv 2203.02155, eq. 1).
 *
 * @param chosen rewards [N]
 */
export function bradleyTerryLoss(
  chosen: Value,
  rejected: Value,
  { margins, centring = 0 }: BradleyTerrySettings = {},
): Value {
  const lead = ops.sub(chosen, rejected);
  const loss = negativeLogSigmoid(margins ? ops.sub(lead, margins) : lead);
  if (centring === 0) return loss;
  const sum = ops.add(chosen, rejected);
  return ops.add(loss, ops.mul(ops.mul(sum, sum), ops.scalarLike(sum, centring)));
}
