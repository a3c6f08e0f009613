export { applyPolicy, eligibleCandidates } from "./apply.ts";
export {
  type BudgetState,
  type BudgetTerms,
  budgetAt,
  chargeBudget,
  settleBudget,
  startBudget,
} from "./budget.ts";
export { checkPolicy, type PolicyGround } from "./check.ts";
export { applyConstraints } from "./constraints.ts";
export { type BudgetRequest, offlineOptimum } from "./offline-budget.ts";
export {
  type Abstention,
  type CandidateEstimate,
  CHOICES,
  type Exclusion,
  type Policy,
  type PolicyDecision,
  type PolicyInput,
  type PromptFacts,
} from "./policy.ts";
export { type Change, whatWouldChange } from "./what-would-change.ts";
export { shownUsd } from "./words.ts";
