/** The pool of candidate models: upstreams, prices and the lookup by name. */
export { createOpenAiCompatibleUpstream, type OpenAiCompatibleOptions } from "./openai-compatible.ts";
export { checkCandidates, createPool, type ModelLatency, type Pool, type PoolModel } from "./pool.ts";
export { costUsd, estimateTokens, type ModelPricing, pricesByModel } from "./pricing.ts";
export { createReplayUpstream, type RecordedPrompt, type ReplayOptions, ReplayStore } from "./replay.ts";
export {
  type CallOptions,
  type ChatChunk,
  type ChatRequest,
  type ChatResponse,
  type ChatTurn,
  type ContentPart,
  turnText,
  type Upstream,
  type Usage,
  type UsageSource,
} from "./upstream.ts";
