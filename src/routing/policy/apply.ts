/** One decision: constraints, bars, choice, abstention. A pure function of the policy, the expectations and the budget. */
import { TuttiError } from "../../support/errors.ts";
import { applyAbstention } from "./abstain.ts";
import { applyLatencyBar, applyQualityBar } from "./bars.ts";
import { chooseWithinBudget } from "./budget.ts";
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
  const { choose: kind, qualityPerUsd, budget: terms, strict = false } = policy;
  switch (kind) {
    case "best-quality":
      return chooseBestQuality(kept);
    case "cheapest":
      return chooseCheapest(kept);
    case "quality-minus-cost":
      if (qualityPerUsd === undefined) throw incomplete(kind, "qualityPerUsd");
      return chooseNetQuality(kept, qualityPerUsd);
    case "budget":
      if (terms === undefined || input.budget === undefined) throw incomplete(kind, "budget");
      return chooseWithinBudget(kept, terms, input.budget, strict);
  }
}

function incomplete(kind: Policy["choose"], field: string): TuttiError {
  return new TuttiError("POLICY_INVALID", `policy: choose is ${kind}, but ${field} is missing`, {
    details: { field },
  });
}

/** What constraints and bars leave. */
export function eligibleCandidates(policy: Policy, { estimates, prompt }: PolicyInput): Selection {
  const { latencyBarMs, qualityBar, strict = false } = policy;
  const excluded: Exclusion[] = [];
  const notes: string[] = [];
  let kept = estimates;
  const step = (selection: Selection): void => {
    kept = selection.kept;
    excluded.push(...selection.excluded);
    if (selection.note !== undefined) notes.push(selection.note);
  };
  step(applyConstraints(kept, prompt, policy));
  if (latencyBarMs !== undefined) step(applyLatencyBar(kept, latencyBarMs, strict));
  if (qualityBar !== undefined) step(applyQualityBar(kept, qualityBar, strict));
  return { kept, excluded, note: notes.length === 0 ? undefined : notes.join("; ") };
}

/**
 * Decides one request.
 *
 * @throws {TuttiError} NO_CANDIDATE when nobody may answer, or under a strict policy nobody reaches a bar;
 *   BUDGET_EXHAUSTED under a strict policy; POLICY_INVALID when the policy needs numbers that the estimates lack
 */
export function applyPolicy(policy: Policy, input: PolicyInput): PolicyDecision {
  const { kept, excluded, note } = eligibleCandidates(policy, input);
  const choice = applyAbstention(choose(kept, policy, input), kept, policy, input);
  const parts = [
    ...(note === undefined ? [] : [note]),
    choice.sentence,
    ...excluded.map(({ model, reason }) => `${model} is left out: ${reason}`),
  ];
  return { model: choice.chosen.model, explanation: parts.join("; "), excluded };
}
