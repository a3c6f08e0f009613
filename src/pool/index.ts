/** The pool of candidate models: upstreams, prices and the lookup by name. */

export type { BudgetLimits, Spending } from "../judged/index.ts";
export { type AnthropicOptions, createAnthropicUpstream } from "./anthropic/anthropic.ts";
export { type CheckOptions, checkModel, type FeatureState, type ModelCheck } from "./check-model.ts";
export { withDefaultParameters } from "./default-parameters.ts";
export { createLocalUpstream, type LocalUpstreamOptions } from "./local/local.ts";
export {
  type ContinuationScoring,
  createOpenAiCompatibleUpstream,
  type OpenAiCompatibleOptions,
} from "./openai-compatible.ts";
export { checkCandidates, createPool, type ModelLatency, type Pool, type PoolModel } from "./pool.ts";
export { costUsd, estimateTokens, type ModelPricing, pricesByModel } from "./pricing.ts";
export type { RateLimits } from "./rate-limiter.ts";
export { createReplayUpstream, type RecordedPrompt, type ReplayOptions, ReplayStore } from "./replay.ts";
export { createResilientUpstream, type ResilienceOptions } from "./resilient-upstream.ts";
export { DEFAULT_RETRIES, isOverload, isRetryable, type RetryPolicy } from "./retries.ts";
export type { BatchOptions } from "./sampling/batch-worker.ts";
export type { ModelSampling, SamplingScope } from "./sampling/plan.ts";
export type { JobEnd } from "./sampling/queue-worker.ts";
export {
  type SamplingOptions,
  type SamplingProgress,
  type SamplingReport,
  sample,
} from "./sampling/sample.ts";
export type { JobTally } from "./sampling/tally.ts";
export {
  type BatchEndpoint,
  type BatchRequest,
  type BatchResult,
  type BatchState,
  type CallOptions,
  type ChatChunk,
  type ChatRequest,
  type ChatResponse,
  type ChatTurn,
  type ContentPart,
  type ContinuationLogProbabilities,
  type Leave,
  type ModelIdentity,
  type ScoreRequest,
  type SoughtBatch,
  turnText,
  type Upstream,
  type Usage,
  type UsageSource,
} from "./upstream.ts";
