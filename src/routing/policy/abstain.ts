/** Handing a decision to a default model when the router is not sure enough of its own. */
import { latencyAgainst, qualityAgainst } from "./bars.ts";
import { moneyLeft, priceAgainst } from "./budget.ts";
import { constraintAgainst } from "./constraints.ts";
import type { Abstention, CandidateEstimate, Choice, Policy, PolicyInput } from "./policy.ts";
import { costOf, decimalsApart, qualityOf, shownQuality } from "./words.ts";

/** Why the choice is not trusted; undefined when it is. */
export function doubtAbout(
  { qualityBelow, marginBelow }: Abstention,
  chosen: CandidateEstimate,
  estimates: readonly CandidateEstimate[],
): string | undefined {
  if (qualityBelow !== undefined && qualityOf(chosen) < qualityBelow) {
    const decimals = decimalsApart(qualityOf(chosen), qualityBelow, 3);
    return `the expected quality of ${chosen.model} (${shownQuality(qualityOf(chosen), decimals)}) is below ${shownQuality(qualityBelow, decimals)}`;
  }
  if (marginBelow === undefined || estimates.length < 2) return undefined;
  const [first, second] = estimates.map(qualityOf).sort((a, b) => b - a);
  const margin = first! - second!;
  if (margin >= marginBelow) return undefined;
  const decimals = decimalsApart(margin, marginBelow, 3);
  return `the best expected quality is ahead by ${shownQuality(margin, decimals)}, less than ${shownQuality(marginBelow, decimals)}`;
}

/**
 * Why the default model may not take the choice's place; undefined when it may. It keeps to constraints, money and bars
 * like every candidate. Where all candidates are too dear or too slow it may be no dearer or slower than the choice; a
 * quality bar that no candidate reaches is set aside, for it is there that a default model is wanted.
 */
function problemWith(
  fallback: CandidateEstimate,
  chosen: CandidateEstimate,
  policy: Policy,
  { prompt, budget }: PolicyInput,
): string | undefined {
  if (fallback.model === chosen.model) return undefined;
  const { budget: terms, latencyBarMs, qualityBar } = policy;
  const problem = constraintAgainst(fallback, prompt, policy);
  if (problem !== undefined) return problem;
  if (terms !== undefined && budget !== undefined && costOf(fallback) > costOf(chosen)) {
    const tooDear = priceAgainst(fallback, moneyLeft(terms, budget));
    if (tooDear !== undefined) return tooDear;
  }
  if (latencyBarMs !== undefined && (fallback.latencyMs ?? 0) > (chosen.latencyMs ?? 0)) {
    const tooSlow = latencyAgainst(fallback, latencyBarMs);
    if (tooSlow !== undefined) return tooSlow;
  }
  if (qualityBar === undefined || fallback.quality === undefined || qualityOf(chosen) < qualityBar) return;
  return qualityAgainst(fallback.quality, qualityBar);
}

/** The choice, or the default model in its place; a default model that may not answer leaves the choice as it is. */
export function applyAbstention(
  choice: Choice,
  kept: readonly CandidateEstimate[],
  policy: Policy,
  input: PolicyInput,
): Choice {
  const { abstain } = policy;
  if (abstain === undefined) return choice;
  const doubt = doubtAbout(abstain, choice.chosen, kept);
  if (doubt === undefined) return choice;
  const { model } = abstain;
  const fallback = input.estimates.find((estimate) => estimate.model === model) ?? input.standby;
  if (fallback?.model !== model) return choice;
  const problem = problemWith(fallback, choice.chosen, policy, input);
  if (problem === undefined) {
    return { chosen: fallback, sentence: `${doubt}, so the default model ${model} answers` };
  }
  return {
    chosen: choice.chosen,
    sentence: `${choice.sentence}; ${doubt}, but the default model ${model} cannot answer: ${problem}`,
  };
}
