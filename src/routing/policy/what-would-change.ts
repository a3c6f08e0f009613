/** The nearest settings under which a decision falls differently, worked out from the same numbers. */
import { applyPolicy, eligibleCandidates } from "./apply.ts";
import { netQuality } from "./choices.ts";
import type { CandidateEstimate, Policy, PolicyInput } from "./policy.ts";
import { costOf, qualityOf, shownMs, shownNumber, shownQuality, shownUsd } from "./words.ts";

export interface Change {
  /** What would have to be different. */
  readonly what: "lambda" | "quality-bar" | "latency-bar" | "price";
  /** Where the decision turns, in the unit of `what`; of a price, the share of today's. */
  readonly threshold: number;
  /** Whose price or bar it is. */
  readonly model: string;
  /** Who would be chosen then. */
  readonly instead: string;
  readonly sentence: string;
}

/** Far enough past a threshold to be on its other side, near enough to meet no other. */
const NUDGE = 1e-9;

function chosenUnder(policy: Policy, input: PolicyInput): string {
  return applyPolicy({ ...policy, strict: false, abstain: undefined }, input).model;
}

/** The lambda of today: 0 for best quality, the price of money under a budget. */
function lambdaOf(policy: Policy, { budget }: PolicyInput): number | undefined {
  if (policy.choose === "best-quality") return 0;
  if (policy.choose === "quality-minus-cost") return policy.qualityPerUsd;
  return policy.choose === "budget" ? budget?.qualityPerUsd : undefined;
}

/** q - lambda c are lines in lambda: the nearest crossings of the winner's line on either side. */
function lambdaChanges(
  kept: readonly CandidateEstimate[],
  chosen: CandidateEstimate,
  lambda: number,
): Change[] {
  const crossings = kept
    .filter((other) => costOf(other) !== costOf(chosen))
    .map((other) => ({
      other,
      at: (qualityOf(chosen) - qualityOf(other)) / (costOf(chosen) - costOf(other)),
    }))
    .filter(({ at }) => at >= 0 && Number.isFinite(at));
  const change = (side: "above" | "below", { other, at }: (typeof crossings)[number]): Change => ({
    what: "lambda",
    threshold: at,
    model: other.model,
    instead: other.model,
    sentence: `at lambda ${side} ${shownNumber(at)} quality per US dollar ${other.model} would be chosen`,
  });
  const above = crossings.filter(({ other, at }) => costOf(other) < costOf(chosen) && at >= lambda);
  const below = crossings.filter(({ other, at }) => costOf(other) > costOf(chosen) && at <= lambda && at > 0);
  // Several lines may cross in one point: beyond it, the outermost slope wins.
  const first = Math.min(...above.map(({ at }) => at)) * (1 + NUDGE);
  const last = Math.max(...below.map(({ at }) => at)) * (1 - NUDGE);
  const next = above.filter(({ at }) => at <= first).sort((a, b) => costOf(a.other) - costOf(b.other));
  const previous = below.filter(({ at }) => at >= last).sort((a, b) => costOf(b.other) - costOf(a.other));
  return [
    ...next.slice(0, 1).map((crossing) => change("above", crossing)),
    ...previous.slice(0, 1).map((crossing) => change("below", crossing)),
  ];
}

function barChanges(policy: Policy, input: PolicyInput, chosen: CandidateEstimate): Change[] {
  const changes: Change[] = [];
  if (chosen.quality !== undefined) {
    const instead = chosenUnder({ ...policy, qualityBar: chosen.quality + NUDGE }, input);
    const sentence = `a quality bar above ${shownQuality(chosen.quality)} rules out ${chosen.model}: ${instead} would be chosen`;
    const change = { threshold: chosen.quality, model: chosen.model, instead, sentence };
    if (instead !== chosen.model) changes.push({ what: "quality-bar", ...change });
  }
  const { latencyMs } = chosen;
  if (latencyMs !== undefined) {
    const instead = chosenUnder({ ...policy, latencyBarMs: latencyMs - NUDGE }, input);
    const sentence = `a latency bar below ${shownMs(latencyMs)} rules out ${chosen.model}: ${instead} would be chosen`;
    const change = { threshold: latencyMs, model: chosen.model, instead, sentence };
    if (instead !== chosen.model) changes.push({ what: "latency-bar", ...change });
  }
  return changes;
}

/** The share of its price at which each other candidate draws level with the chosen one. */
function priceShare(
  policy: Policy,
  input: PolicyInput,
  chosen: CandidateEstimate,
  other: CandidateEstimate,
): number {
  const cost = costOf(other);
  if (policy.choose === "cheapest") return costOf(chosen) / cost;
  const lambda = lambdaOf(policy, input) ?? 0;
  return (qualityOf(other) - netQuality(chosen, lambda)) / (lambda * cost);
}

function priceChanges(
  policy: Policy,
  input: PolicyInput,
  kept: readonly CandidateEstimate[],
  chosen: CandidateEstimate,
): Change[] {
  return kept
    .filter((other) => other !== chosen && costOf(other) > 0)
    .map((other) => ({ other, share: priceShare(policy, input, chosen, other) }))
    .filter(({ share }) => share > 0 && share < 1)
    .sort((a, b) => b.share - a.share)
    .map(({ other, share }) => ({
      what: "price",
      threshold: share,
      model: other.model,
      instead: other.model,
      sentence: `below ${shownNumber(100 * share)} % of its price (${shownUsd(share * costOf(other))} instead of ${shownUsd(costOf(other))}) ${other.model} would be chosen`,
    }));
}

/**
 * What would change a decision, other settings as they are: lambda, a quality bar, a latency bar, another candidate's
 * price. Empty for a decision without alternatives. Abstention is left aside.
 *
 * @throws {TuttiError} see {@link applyPolicy}
 */
export function whatWouldChange(policy: Policy, input: PolicyInput): Change[] {
  const { kept } = eligibleCandidates(policy, input);
  const name = chosenUnder(policy, input);
  const chosen = kept.find(({ model }) => model === name)!;
  const changes: Change[] = [];
  const hasCosts = kept.every(({ costUsd }) => costUsd !== undefined);
  const lambda = lambdaOf(policy, input);
  if (hasCosts && lambda !== undefined) changes.push(...lambdaChanges(kept, chosen, lambda));
  changes.push(...barChanges(policy, input, chosen));
  if (hasCosts && policy.choose !== "best-quality")
    changes.push(...priceChanges(policy, input, kept, chosen));
  return changes;
}
