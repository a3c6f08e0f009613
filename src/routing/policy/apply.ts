/** One decision: constraints, budget, bars, choice, abstention. A pure function of the policy, the expectations and the budget. */
import { TuttiError } from "../../support/errors.ts";
import { applyAbstention } from "./abstain.ts";
import { applyLatencyBar, applyQualityBar } from "./bars.ts";
import { applyBudget, chooseWithinBudget } from "./budget.ts";
import { chooseBestQuality, chooseCheapest, chooseNetQuality } from "./choices.ts";
import { applyConstraints } from "./constraints.ts";
import type {
  CandidateEstimate,
  Choice,
  Exclusion,
  Policy,
  PolicyDecision,
  PolicyInput,
  Selection,
} from "./policy.ts";

function choose(kept: readonly CandidateEstimate[], policy: Policy, input: PolicyInput): Choice {
  const { choose: kind, qualityPerUsd } = policy;
  switch (kind) {
    case "best-quality":
      return chooseBestQuality(kept);
    case "cheapest":
      return chooseCheapest(kept);
    case "quality-minus-cost":
      if (qualityPerUsd === undefined) throw incomplete(kind, "qualityPerUsd");
      return chooseNetQuality(kept, qualityPerUsd);
    case "budget": {
      const { terms, state } = budgetOf(policy, input);
      return chooseWithinBudget(kept, terms, state);
    }
  }
}

function budgetOf({ choose: kind, budget: terms }: Policy, { budget: state }: PolicyInput) {
  if (terms === undefined || state === undefined) throw incomplete(kind, "budget");
  return { terms, state };
}

function incomplete(kind: Policy["choose"], field: string): TuttiError {
  return new TuttiError("POLICY_INVALID", `policy: choose is ${kind}, but ${field} is missing`, {
    details: { field },
  });
}

/** What constraints, budget and bars leave. */
export function eligibleCandidates(policy: Policy, input: PolicyInput): Selection {
  const { choose: kind, latencyBarMs, qualityBar, strict = false } = policy;
  const excluded: Exclusion[] = [];
  const notes: string[] = [];
  let kept = input.estimates;
  const step = (selection: Selection): void => {
    kept = selection.kept;
    excluded.push(...selection.excluded);
    if (selection.note !== undefined) notes.push(selection.note);
  };
  const keepToBudget = (): void => {
    if (kind !== "budget") return;
    const { terms, state } = budgetOf(policy, input);
    step(applyBudget(kept, terms, state, strict));
  };
  step(applyConstraints(kept, input.prompt, policy));
  // Before the bars, so that none leads to a candidate beyond the budget. A strict policy only names its error by the order:
  // nobody who reaches the bars, or nobody of those who fits the budget.
  if (!strict) keepToBudget();
  if (latencyBarMs !== undefined) step(applyLatencyBar(kept, latencyBarMs, strict));
  if (qualityBar !== undefined) step(applyQualityBar(kept, qualityBar, strict));
  if (strict) keepToBudget();
  return { kept, excluded, note: notes.length === 0 ? undefined : notes.join("; ") };
}

/**
 * Decides one request.
 *
 * @throws {TuttiError} NO_CANDIDATE when nobody may answer, or under a strict policy nobody reaches a bar;
 *   BUDGET_EXHAUSTED under a strict policy; POLICY_INVALID when the policy needs numbers that the estimates lack
 */
export function applyPolicy(policy: Policy, input: PolicyInput): PolicyDecision {
  const { kept, excluded: all, note } = eligibleCandidates(policy, input);
  const choice = applyAbstention(choose(kept, policy, input), kept, policy, input);
  // A default model may answer though a quality bar that nobody reaches has left it out.
  const excluded = all.filter(({ model }) => model !== choice.chosen.model);
  const parts = [
    ...(note === undefined ? [] : [note]),
    choice.sentence,
    ...excluded.map(({ model, reason }) => `${model} is left out: ${reason}`),
  ];
  return { model: choice.chosen.model, explanation: parts.join("; "), excluded };
}
