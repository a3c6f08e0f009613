/** A decision as `GET /v1/decisions/ID` gives it: snake_case like the rest of the API. */
import type { Policy } from "../../routing/policy/index.ts";
import type { DecisionRecord } from "../decision-store.ts";

export function toWireDecision({ id, timeMs, requestedModel, decision, outcome }: DecisionRecord) {
  return {
    id,
    object: "tutti.decision",
    time: new Date(timeMs).toISOString(),
    requested_model: requestedModel,
    model: decision.model,
    routed: decision.isRouted,
    router: decision.router,
    policy: decision.policy === null ? null : toWirePolicy(decision.policy),
    reason: decision.reason,
    scores: decision.scores.map((candidate) => ({
      model: candidate.model,
      score: candidate.score,
      quality: candidate.quality,
      estimated_completion_tokens: candidate.estimatedCompletionTokens,
      estimated_cost_usd: candidate.estimatedCostUsd,
      estimated_latency_ms: candidate.estimatedLatencyMs,
      excluded: candidate.excluded,
    })),
    prompt_sha256: decision.promptSha256,
    routing_ms: decision.routingMs,
    estimate: {
      prompt_tokens: decision.estimate.promptTokens,
      completion_tokens: decision.estimate.completionTokens,
      cost_usd: decision.estimate.costUsd,
    },
    outcome: {
      status: outcome.status,
      http_status: outcome.httpStatus,
      error_code: outcome.errorCode,
      prompt_tokens: outcome.promptTokens,
      completion_tokens: outcome.completionTokens,
      usage_source: outcome.usageSource,
      cost_usd: outcome.costUsd,
      latency_ms: outcome.latencyMs,
    },
  };
}

/** A policy keeps the names that pool file and requests use; settings that are not set are left out. */
function toWirePolicy(policy: Policy) {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}
