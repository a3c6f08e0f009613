/** Checks a policy before the first request, against the router and the pool that it will decide for. */
import { didYouMean } from "../../support/did-you-mean.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Policy } from "./policy.ts";

export interface PolicyGround {
  /** Models that may be named: those of the pool. */
  readonly models: readonly string[];
  readonly candidates: readonly string[];
  /** Whether the router expects qualities. */
  readonly hasQuality: boolean;
}

function fail(field: string, problem: string, hint?: string): TuttiError {
  return new TuttiError("POLICY_INVALID", `policy.${field}: ${problem}`, {
    details: { field },
    ...(hint !== undefined && hint !== "" && { hint }),
  });
}

function checkNumbers({ qualityPerUsd, qualityBar, latencyBarMs, abstain, budget }: Policy): void {
  const bounds = [
    ["qualityPerUsd", qualityPerUsd, 0, Number.MAX_VALUE],
    ["qualityBar", qualityBar, 0, 1],
    ["latencyBarMs", latencyBarMs, Number.MIN_VALUE, Number.MAX_VALUE],
    ["abstain.qualityBelow", abstain?.qualityBelow, 0, 1],
    ["abstain.marginBelow", abstain?.marginBelow, 0, 1],
    ["budget.usd", budget?.usd, Number.MIN_VALUE, Number.MAX_VALUE],
    ["budget.periodSeconds", budget?.periodSeconds, Number.MIN_VALUE, Number.MAX_VALUE],
    ["budget.requestsPerPeriod", budget?.requestsPerPeriod, 1, Number.MAX_VALUE],
  ] as const;
  for (const [field, value, least, most] of bounds) {
    if (value === undefined || (value >= least && value <= most)) continue;
    const range =
      most === Number.MAX_VALUE ? (least === 1 ? "at least 1" : "0 or more") : `${least} to ${most}`;
    throw fail(field, `received ${value}, expected ${least === Number.MIN_VALUE ? "more than 0" : range}`);
  }
}

function checkNeeds(policy: Policy, { hasQuality }: PolicyGround): void {
  const { choose, qualityPerUsd, budget, qualityBar, abstain } = policy;
  const pairs = [
    ["qualityPerUsd", qualityPerUsd, "quality-minus-cost"],
    ["budget", budget, "budget"],
  ] as const;
  for (const [field, value, kind] of pairs) {
    if (choose === kind && value === undefined) throw fail(field, `missing, but choose is ${kind}`);
    if (choose !== kind && value !== undefined) {
      throw fail(field, `given, but choose is ${choose}`, `set choose: ${kind}, or remove ${field}`);
    }
  }
  if (abstain !== undefined && abstain.qualityBelow === undefined && abstain.marginBelow === undefined) {
    throw fail("abstain", "expected qualityBelow, marginBelow or both");
  }
  if (hasQuality || (choose === "cheapest" && qualityBar === undefined && abstain === undefined)) return;
  throw fail(
    choose === "cheapest" ? (qualityBar === undefined ? "abstain" : "qualityBar") : "choose",
    "needs expected qualities, and this router has only scores",
    "train the router with a held-out share, or serve a method that was calibrated",
  );
}

/** @throws {TuttiError} POLICY_INVALID naming the field */
export function checkPolicy(policy: Policy, ground: PolicyGround): void {
  checkNumbers(policy);
  checkNeeds(policy, ground);
  const named = [
    ...(policy.allow ?? []).map((model, index) => [`allow[${index}]`, model] as const),
    ...(policy.deny ?? []).map((model, index) => [`deny[${index}]`, model] as const),
    ...(policy.abstain === undefined ? [] : [["abstain.model", policy.abstain.model] as const]),
  ];
  for (const [field, model] of named) {
    if (ground.models.includes(model)) continue;
    throw fail(
      field,
      `the pool has no model ${JSON.stringify(model.slice(0, 200))}`,
      didYouMean(model, ground.models),
    );
  }
  const isOpen = (model: string): boolean =>
    !policy.deny?.includes(model) && (policy.allow === undefined || policy.allow.includes(model));
  if (!ground.candidates.some(isOpen)) {
    throw fail(policy.allow === undefined ? "deny" : "allow", "leaves no candidate of the router");
  }
}
