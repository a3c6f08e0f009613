/** What the losses of the DPO family are functions of: by how much the trained model prefers one response to another. */
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";

/** Log-probabilities of one response to each of N prompts under the model in training and under the frozen reference. */
export interface ScoredResponses {
  /** f32 [N], summed over the response's tokens, in nats */
  readonly policy: Value;
  /** f32 [N] */
  readonly reference: Value;
  /** f32 [N], tokens of the response, at least 1 */
  readonly tokens: Value;
}

export interface RewardSettings {
  readonly beta: number;
  /** Whether log-probabilities count per token. */
  readonly isLengthNormalised: boolean;
}

/** log pi(y|x) - log pi_ref(y|x) [N]; divided by |y| where length-normalised. */
export function logRatio({ policy, reference, tokens }: ScoredResponses, isLengthNormalised: boolean): Value {
  const ratio = ops.sub(policy, reference);
  return isLengthNormalised ? ops.div(ratio, tokens) : ratio;
}

/**
 * The implicit reward beta log pi(y|x) / pi_ref(y|x) [N] (DPO, arXiv 2305.18290, eq. 5 without its constant); with length
 * normalisation (beta / |y|) log pi(y|x) / pi_ref(y|x) (FuseChat-3.0, arXiv 2503.04222; Tulu 3, arXiv 2411.15124, section 5.1).
 */
export function implicitReward(response: ScoredResponses, settings: RewardSettings): Value {
  const ratio = logRatio(response, settings.isLengthNormalised);
  return ops.mul(ratio, ops.scalarLike(ratio, settings.beta));
}
