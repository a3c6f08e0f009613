/** Text from language models: loading, sampling, streaming, continuous batching, scoring. */
export type { WeightBits } from "../nn/index.ts";
export type { FinishReason, GeneratedAnswer, GeneratedToken } from "./answer.ts";
export {
  type GenerationModel,
  type LoadGenerationModelOptions,
  loadGenerationModel,
} from "./load-model.ts";
export type { TokenLogProbability } from "./log-probabilities.ts";
export type { GenerationRequest } from "./request.ts";
export { SAMPLING_DEFAULTS, type SamplingSettings } from "./sampling.ts";
export type { ContinuationScore } from "./score.ts";
export { type GenerationEvent, TextGenerator, type TextGeneratorOptions } from "./text-generator.ts";
