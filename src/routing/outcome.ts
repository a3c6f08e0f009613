/** What a router expects of each candidate's answer, beyond a score that only ranks them. */
import type { Router, RoutingQuery } from "./router.ts";

/** Expectations about one prompt; every array has one entry per candidate, in the router's candidate order. */
export interface OutcomeEstimate {
  /** Expected quality of the answer on its benchmark's own scale, in [0, 1]: a success probability where scores are 0/1. */
  readonly quality: Float64Array;
  /** Expected length of the answer in tokens; undefined when the router was not taught lengths. */
  readonly completionTokens?: Float64Array;
}

/** Scores and estimate of one prompt, from a single pass of the router. */
export interface Assessment {
  readonly scores: Float64Array;
  readonly estimate: OutcomeEstimate;
}

/** A router whose numbers mean something on their own, so that costs, bars and budgets can be weighed against them. */
export interface OutcomeRouter extends Router {
  /** True when quality was calibrated on prompts that the model was not trained on. */
  readonly isCalibrated: boolean;
  /** One estimate per query. Rows of different queries are independent. */
  outcomes(queries: readonly RoutingQuery[]): Promise<OutcomeEstimate[]>;
  /** `scores` and `outcomes` at once: a network behind both runs once. */
  assess(queries: readonly RoutingQuery[]): Promise<Assessment[]>;
}

export function isOutcomeRouter(router: Router): router is OutcomeRouter {
  return "outcomes" in router;
}
