/** What is reported of a preference step, each a weighted mean over its prompts. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { logRatio, type ScoredResponses } from "../losses/index.ts";
import type { PreferenceObjective, StepFacts } from "./objectives.ts";

/** Sum of figures times weights, both f32 [N]. */
export const weightedSum = (figures: Value, weights: Value): Value => ops.sumAll(ops.mul(figures, weights));

/**
 * For each role `rewards/ROLE`, `logps/ROLE` (nats a response), `tokens/ROLE` and, with a reference, `kl/ROLE`: the mean of
 * log pi - log pi_ref a token, an estimate of KL(pi || pi_ref) as far as the responses are the model's own. For pairs also
 * `rewards/margins` and `rewards/accuracies`, the share of chosen rewards above the rejected ones.
 */
export function preferenceMetrics(
  objective: Pick<PreferenceObjective, "roles" | "needsReference">,
  scored: readonly ScoredResponses[],
  rewards: readonly Value[],
  { weights }: Pick<StepFacts, "weights">,
): Readonly<Record<string, Value>> {
  const mean = (figures: Value): Value => weightedSum(figures, weights);
  const metrics: Record<string, Value> = {};
  for (const [index, role] of objective.roles.entries()) {
    const response = scored[index]!;
    metrics[`rewards/${role}`] = mean(rewards[index]!);
    metrics[`logps/${role}`] = mean(response.policy);
    metrics[`tokens/${role}`] = mean(response.tokens);
    if (objective.needsReference) metrics[`kl/${role}`] = mean(logRatio(response, true));
  }
  const rewardOf = (role: "chosen" | "rejected"): Value | undefined => rewards[objective.roles.indexOf(role)];
  const [chosen, rejected] = [rewardOf("chosen"), rewardOf("rejected")];
  if (chosen && rejected) Object.assign(metrics, marginMetrics(chosen, rejected, weights));
  return metrics;
}

/** `rewards/margins` and `rewards/accuracies` of pairs, f32 [N] each. */
export function marginMetrics(chosen: Value, rejected: Value, weights: Value): Record<string, Value> {
  const mean = (figures: Value): Value => weightedSum(figures, weights);
  return {
    "rewards/margins": mean(ops.sub(chosen, rejected)),
    "rewards/accuracies": mean(ops.toFloat32(ops.greater(chosen, rejected))),
  };
}
