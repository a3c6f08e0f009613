/**
 * The nearest settings under which a decision falls differently. Decisions are constant between the numbers where two
 * candidates draw level, one meets a bar, or one fits the money left; each such number is tried from near to far by deciding
 * again just beyond it, so that what is named is what would happen.
 */
import { TuttiError } from "../../support/errors.ts";
import { applyPolicy, eligibleCandidates } from "./apply.ts";
import { moneyLeft } from "./budget.ts";
import { netQuality } from "./choices.ts";
import type { CandidateEstimate, Policy, PolicyInput } from "./policy.ts";
import { costOf, qualityOf, shownMs, shownNumber, shownQuality, shownUsd } from "./words.ts";

export interface Change {
  /** What would have to be different. */
  readonly what: "lambda" | "quality-bar" | "latency-bar" | "budget" | "price";
  /** Where the decision turns, in the unit of `what`; of a price, the share of today's. */
  readonly threshold: number;
  /** Whose price or bar it is, or who fits the larger budget. */
  readonly model: string;
  /** Who would be chosen then. */
  readonly instead: string;
  readonly sentence: string;
}

/** Far enough past a threshold to be on its other side, near enough to meet no other. */
const NUDGE = 1e-9;

/** Undefined where nobody would be: a strict policy refuses. */
function chosenUnder(policy: Policy, input: PolicyInput): string | undefined {
  try {
    return applyPolicy(policy, input).model;
  } catch (thrown) {
    if (TuttiError.is(thrown) && ["NO_CANDIDATE", "BUDGET_EXHAUSTED"].includes(thrown.code)) return undefined;
    throw thrown;
  }
}

/** A decision to be changed, with what it was made from. */
interface Ground {
  readonly policy: Policy;
  readonly input: PolicyInput;
  /** The model that answers today. */
  readonly today: string;
}

interface Turn<T> {
  readonly at: T;
  readonly instead: string;
}

/** The first of these settings, nearest first, under which another model answers. */
function firstTurn<T>(
  settings: readonly T[],
  today: string,
  decide: (setting: T) => string | undefined,
): Turn<T> | undefined {
  for (const at of settings) {
    const instead = decide(at);
    if (instead !== undefined && instead !== today) return { at, instead };
  }
  return undefined;
}

/** The lambda of today: 0 for best quality, the price of money under a budget. */
function lambdaOf(policy: Policy, { budget }: PolicyInput): number | undefined {
  if (policy.choose === "best-quality") return 0;
  if (policy.choose === "quality-minus-cost") return policy.qualityPerUsd;
  return policy.choose === "budget" ? budget?.qualityPerUsd : undefined;
}

function chosenAtLambda({ policy, input }: Ground, lambda: number): string | undefined {
  if (policy.choose === "budget" && input.budget !== undefined) {
    return chosenUnder(policy, { ...input, budget: { ...input.budget, qualityPerUsd: lambda } });
  }
  return chosenUnder({ ...policy, choose: "quality-minus-cost", qualityPerUsd: lambda }, input);
}

/** q - lambda c are lines in lambda: decisions turn where two of them cross. */
function lambdaChanges(ground: Ground, kept: readonly CandidateEstimate[], lambda: number): Change[] {
  const crossings = kept
    .flatMap((one, index) =>
      kept
        .slice(index + 1)
        .map((other) => (qualityOf(one) - qualityOf(other)) / (costOf(one) - costOf(other))),
    )
    .filter((at) => at > 0 && Number.isFinite(at));
  const name = ground.policy.choose === "budget" ? "a price of money" : "lambda";
  return (["above", "below"] as const).flatMap((side) => {
    const sign = side === "above" ? 1 : -1;
    const beyond = crossings.filter((at) => sign * (at - lambda) >= 0).sort((a, b) => sign * (a - b));
    const turn = firstTurn(beyond, ground.today, (at) => chosenAtLambda(ground, at * (1 + sign * NUDGE)));
    if (turn === undefined) return [];
    const { at: threshold, instead } = turn;
    const sentence = `at ${name} ${side} ${shownNumber(threshold)} quality per US dollar ${instead} would be chosen`;
    return [{ what: "lambda" as const, threshold, model: instead, instead, sentence }];
  });
}

/** The model that abstention names counts too where it is none of the candidates. */
function everyone({ estimates, standby }: PolicyInput): readonly CandidateEstimate[] {
  return standby === undefined ? estimates : [...estimates, standby];
}

function qualityBarChange({ policy, input, today }: Ground): Change[] {
  const least = policy.qualityBar ?? 0;
  const bars = everyone(input)
    .flatMap(({ model, quality }) =>
      quality !== undefined && quality >= least && quality + NUDGE <= 1 ? [{ model, quality }] : [],
    )
    .sort((a, b) => a.quality - b.quality);
  const turn = firstTurn(bars, today, ({ quality }) =>
    chosenUnder({ ...policy, qualityBar: quality + NUDGE }, input),
  );
  if (turn === undefined) return [];
  const { at, instead } = turn;
  const sentence = `a quality bar above ${shownQuality(at.quality)} rules out ${at.model}: ${instead} would be chosen`;
  return [{ what: "quality-bar", threshold: at.quality, model: at.model, instead, sentence }];
}

function latencyBarChange({ policy, input, today }: Ground): Change[] {
  const most = policy.latencyBarMs ?? Number.POSITIVE_INFINITY;
  const bars = everyone(input)
    .flatMap(({ model, latencyMs }) =>
      latencyMs !== undefined && latencyMs <= most && latencyMs > 0 ? [{ model, latencyMs }] : [],
    )
    .sort((a, b) => b.latencyMs - a.latencyMs);
  const turn = firstTurn(bars, today, ({ latencyMs }) =>
    chosenUnder({ ...policy, latencyBarMs: latencyMs * (1 - NUDGE) }, input),
  );
  if (turn === undefined) return [];
  const { at, instead } = turn;
  const sentence = `a latency bar below ${shownMs(at.latencyMs)} rules out ${at.model}: ${instead} would be chosen`;
  return [{ what: "latency-bar", threshold: at.latencyMs, model: at.model, instead, sentence }];
}

/** More money lets dearer candidates in, one after the other. */
function budgetChange({ policy, input, today }: Ground): Change[] {
  const { budget: terms } = policy;
  const { budget: state } = input;
  if (policy.choose !== "budget" || terms === undefined || state === undefined) return [];
  const leftUsd = moneyLeft(terms, state);
  const tooDear = everyone(input)
    .flatMap(({ model, costUsd = 0 }) => (costUsd > leftUsd ? [{ model, costUsd }] : []))
    .sort((a, b) => a.costUsd - b.costUsd);
  const needed = (costUsd: number): number => state.spentUsd + costUsd;
  const turn = firstTurn(tooDear, today, ({ costUsd }) =>
    chosenUnder({ ...policy, budget: { ...terms, usd: needed(costUsd) * (1 + NUDGE) } }, input),
  );
  if (turn === undefined) return [];
  const { at, instead } = turn;
  const threshold = needed(at.costUsd);
  const sentence = `with a budget larger by at least ${shownUsd(threshold - terms.usd)} (${shownUsd(at.costUsd)} left instead of ${shownUsd(leftUsd)}) ${instead} would be chosen`;
  return [{ what: "budget", threshold, model: at.model, instead, sentence }];
}

/** Costs at which one candidate draws level with the choice, or fits the money left; the dearest first. */
function turningCosts(ground: Ground, choice: CandidateEstimate, other: CandidateEstimate): number[] {
  const { policy, input } = ground;
  const lambda = lambdaOf(policy, input) ?? 0;
  const costs = [costOf(choice)];
  if (lambda > 0) costs.push((qualityOf(other) - netQuality(choice, lambda)) / lambda);
  if (policy.budget !== undefined && input.budget !== undefined) {
    costs.push(moneyLeft(policy.budget, input.budget));
  }
  return costs.filter((cost) => cost > 0 && cost <= costOf(other)).sort((a, b) => b - a);
}

function priceChanges(ground: Ground, choice: CandidateEstimate): Change[] {
  const { policy, input, today } = ground;
  return input.estimates
    .filter((other) => other !== choice)
    .flatMap((other): Change[] => {
      const cost = costOf(other);
      const turn = firstTurn(turningCosts(ground, choice, other), today, (at) => {
        const cheaper = { ...other, costUsd: at * (1 - NUDGE) };
        const estimates = input.estimates.map((estimate) => (estimate === other ? cheaper : estimate));
        return chosenUnder(policy, { ...input, estimates });
      });
      if (turn === undefined) return [];
      const { at, instead } = turn;
      const whose = instead === other.model ? "its price" : `the price of ${other.model}`;
      const sentence = `below ${shownNumber((100 * at) / cost)} % of ${whose} (${shownUsd(at)} instead of ${shownUsd(cost)}) ${instead} would be chosen`;
      return [{ what: "price", threshold: at / cost, model: other.model, instead, sentence }];
    })
    .sort((a, b) => b.threshold - a.threshold);
}

/**
 * What would change a decision, other settings as they are: lambda, a higher quality bar, a lower latency bar, a larger
 * budget, another candidate's price. Empty for a decision without alternatives.
 *
 * @throws {TuttiError} see {@link applyPolicy}
 */
export function whatWouldChange(policy: Policy, input: PolicyInput): Change[] {
  const ground = { policy, input, today: applyPolicy(policy, input).model };
  const { kept } = eligibleCandidates(policy, input);
  // Whom the default model may have replaced.
  const choiceName = applyPolicy({ ...policy, abstain: undefined }, input).model;
  const choice = kept.find(({ model }) => model === choiceName)!;
  const hasCosts = input.estimates.every(({ costUsd }) => costUsd !== undefined);
  const lambda = lambdaOf(policy, input);
  return [
    ...(hasCosts && lambda !== undefined ? lambdaChanges(ground, kept, lambda) : []),
    ...qualityBarChange(ground),
    ...latencyBarChange(ground),
    ...budgetChange(ground),
    ...(hasCosts && policy.choose !== "best-quality" ? priceChanges(ground, choice) : []),
  ];
}
