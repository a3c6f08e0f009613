/**
 * A budget per period, kept online. Money has a price mu in quality per US dollar; each request goes to
 * argmax q - mu c. The price follows the spending by dual gradient steps:
 *
 *   mu <- max(0, mu + eta (c - rho)),  rho = money left / requests left,  eta = 1 / (sqrt(N) rho_0^2),  rho_0 = budget / N
 *
 * so that spending above the pace makes dear models lose, and regret against the best choices in hindsight grows as
 * the square root of the N requests of a period. Nothing is spent beyond the budget while a cheaper choice exists.
 *
 * Source: Balseiro, Lu and Mirrokni, The best of many worlds: dual mirror descent for online allocation problems,
 * arXiv 2011.10124, with the pace adjusted to what is left.
 */
import { TuttiError } from "../../support/errors.ts";
import { chooseCheapest, chooseNetQuality } from "./choices.ts";
import type { CandidateEstimate, Choice, Exclusion, Selection } from "./policy.ts";
import { costOf, shownUsd } from "./words.ts";

export interface BudgetTerms {
  readonly usd: number;
  readonly periodSeconds: number;
  /** Requests expected in the first period; later ones expect what the last one had. */
  readonly requestsPerPeriod: number;
}

export interface BudgetState {
  /** Milliseconds since 1970. */
  readonly periodStartMs: number;
  /** Settled costs, and the expected costs of answers under way. */
  readonly spentUsd: number;
  readonly requests: number;
  /** N: requests that this period is expected to have. */
  readonly expectedRequests: number;
  /** mu */
  readonly qualityPerUsd: number;
}

export function startBudget(terms: BudgetTerms, nowMs: number): BudgetState {
  return {
    periodStartMs: nowMs,
    spentUsd: 0,
    requests: 0,
    expectedRequests: terms.requestsPerPeriod,
    qualityPerUsd: 0,
  };
}

/** The state at a time: after the end of a period a new one begins, with the price that was learned. */
export function budgetAt(state: BudgetState, terms: BudgetTerms, nowMs: number): BudgetState {
  const periodMs = terms.periodSeconds * 1000;
  const periods = Math.floor((nowMs - state.periodStartMs) / periodMs);
  if (periods < 1) return state;
  return {
    periodStartMs: state.periodStartMs + periods * periodMs,
    spentUsd: 0,
    requests: 0,
    // A period without requests says nothing of the next one.
    expectedRequests: periods === 1 && state.requests > 0 ? state.requests : state.expectedRequests,
    qualityPerUsd: state.qualityPerUsd,
  };
}

/** The state after a request was sent to a model of that expected cost. */
export function chargeBudget(state: BudgetState, terms: BudgetTerms, costUsd: number): BudgetState {
  const requestsLeft = Math.max(1, state.expectedRequests - state.requests);
  const pace = Math.max(0, terms.usd - state.spentUsd) / requestsLeft;
  const fairShare = terms.usd / state.expectedRequests;
  const step = 1 / (Math.sqrt(state.expectedRequests) * fairShare ** 2);
  return {
    ...state,
    spentUsd: state.spentUsd + costUsd,
    requests: state.requests + 1,
    qualityPerUsd: Math.max(0, state.qualityPerUsd + step * (costUsd - pace)),
  };
}

/** The state after an answer's real cost is known; its expected cost was charged when it was sent. */
export function settleBudget(state: BudgetState, expectedUsd: number, realUsd: number): BudgetState {
  return { ...state, spentUsd: Math.max(0, state.spentUsd + realUsd - expectedUsd) };
}

/** What may still be spent in this period. */
export function moneyLeft(terms: BudgetTerms, state: BudgetState): number {
  return Math.max(0, terms.usd - state.spentUsd);
}

/** Why a candidate may not answer; undefined when the money suffices. */
export function priceAgainst(estimate: CandidateEstimate, leftUsd: number): string | undefined {
  const cost = costOf(estimate);
  if (cost <= leftUsd) return undefined;
  return `its expected cost of ${shownUsd(cost)} is above the ${shownUsd(leftUsd)} that is left`;
}

function inWords(terms: BudgetTerms, leftUsd: number): string {
  return `${shownUsd(leftUsd)} of ${shownUsd(terms.usd)} is left in this period`;
}

/**
 * Leaves out candidates that cost more than is left. Where all do, the cheapest is kept.
 *
 * @throws {TuttiError} BUDGET_EXHAUSTED under a strict policy when nobody is left
 */
export function applyBudget(
  estimates: readonly CandidateEstimate[],
  terms: BudgetTerms,
  state: BudgetState,
  isStrict: boolean,
): Selection {
  const leftUsd = moneyLeft(terms, state);
  const excluded: Exclusion[] = [];
  const kept = estimates.filter((estimate) => {
    const reason = priceAgainst(estimate, leftUsd);
    if (reason !== undefined) excluded.push({ model: estimate.model, reason });
    return reason === undefined;
  });
  if (kept.length > 0) return { kept, excluded };
  const { chosen } = chooseCheapest(estimates);
  if (isStrict) {
    throw new TuttiError(
      "BUDGET_EXHAUSTED",
      `${inWords(terms, leftUsd)}, less than ${chosen.model}, the cheapest that may answer, would cost (${shownUsd(costOf(chosen))})`,
      { hint: "wait for the next period, or raise the budget" },
    );
  }
  return {
    kept: [chosen],
    excluded: excluded.filter(({ model }) => model !== chosen.model),
    note: `${inWords(terms, leftUsd)}, less than any answer would cost`,
  };
}

/** argmax q - mu c among the candidates that {@link applyBudget} has left. */
export function chooseWithinBudget(
  affordable: readonly CandidateEstimate[],
  terms: BudgetTerms,
  state: BudgetState,
): Choice {
  const leftUsd = moneyLeft(terms, state);
  // Only the cheapest is kept when all are too dear.
  if (affordable.some((estimate) => costOf(estimate) > leftUsd)) return chooseCheapest(affordable);
  const { chosen, sentence } = chooseNetQuality(
    affordable,
    state.qualityPerUsd,
    "quality - price x cost under the budget",
  );
  return { chosen, sentence: `${sentence}; ${inWords(terms, leftUsd)}` };
}
