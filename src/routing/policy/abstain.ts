/** Handing a decision to a default model when the router is not sure enough of its own. */
import { constraintAgainst } from "./constraints.ts";
import type { Abstention, CandidateEstimate, Choice, Policy, PolicyInput } from "./policy.ts";
import { qualityOf, shownQuality } from "./words.ts";

/** Why the choice is not trusted; undefined when it is. */
export function doubtAbout(
  { qualityBelow, marginBelow }: Abstention,
  chosen: CandidateEstimate,
  estimates: readonly CandidateEstimate[],
): string | undefined {
  if (qualityBelow !== undefined && qualityOf(chosen) < qualityBelow) {
    return `the expected quality of ${chosen.model} (${shownQuality(qualityOf(chosen))}) is below ${shownQuality(qualityBelow)}`;
  }
  if (marginBelow === undefined || estimates.length < 2) return undefined;
  const [first, second] = estimates.map(qualityOf).sort((a, b) => b - a);
  const margin = first! - second!;
  if (margin >= marginBelow) return undefined;
  return `the best expected quality is ahead by ${shownQuality(margin)}, less than ${shownQuality(marginBelow)}`;
}

/** The choice, or the default model in its place; a default model that may not answer leaves the choice as it is. */
export function applyAbstention(
  choice: Choice,
  kept: readonly CandidateEstimate[],
  policy: Policy,
  { estimates, standby, prompt }: PolicyInput,
): Choice {
  const { abstain } = policy;
  if (abstain === undefined) return choice;
  const doubt = doubtAbout(abstain, choice.chosen, kept);
  if (doubt === undefined) return choice;
  const { model } = abstain;
  const fallback = estimates.find((estimate) => estimate.model === model) ?? standby;
  if (fallback?.model !== model) return choice;
  const problem = constraintAgainst(fallback, prompt, policy);
  if (problem === undefined) {
    return { chosen: fallback, sentence: `${doubt}, so the default model ${model} answers` };
  }
  return {
    chosen: choice.chosen,
    sentence: `${choice.sentence}; ${doubt}, but the default model ${model} cannot answer: ${problem}`,
  };
}
