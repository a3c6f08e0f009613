/** Local generation: decoding over a key/value cache, samplers, text streams, scores of given continuations. */
export { CachedDecoder, DecoderCache, type RowTokens } from "./cached-decoder.ts";
export {
  type FinishReason,
  type GenerationEvent,
  type GenerationSettings,
  generateTokens,
  scoreContinuation,
} from "./generate-tokens.ts";
export { type LocalModel, openLocalModel } from "./local-model.ts";
export {
  type Candidate,
  candidates,
  checkSampling,
  draw,
  logProbabilities,
  penalise,
  type SamplingSettings,
} from "./sampling.ts";
export { TextStream } from "./text-stream.ts";
