export {
  type BertConfig,
  type BertInputs,
  bertConfigJson,
  bertEncoder,
  bertMlmHeadSpecs,
  bertMlmLogits,
  bertMlmTransform,
  bertSpecs,
  parseBertConfig,
} from "./bert.ts";
export {
  CAUSAL_MODEL_TYPES,
  type CausalTargets,
  causalCrossEntropy,
  causalLogits,
  createCausalModel,
} from "./causal-families.ts";
export type {
  Attend,
  AttendedInputs,
  AttentionLayer,
  BiasedInputs,
  CausalConfig,
  CausalModel,
  DecoderInputs,
  DecoderOptions,
} from "./causal-model.ts";
export {
  adoptCausalParameters,
  causalParameterName,
  type LoadedCausalModel,
  loadCausalModel,
  matchCausalWeights,
} from "./causal-weights.ts";
export { type ConversionTarget, type ConvertedModel, convertModel } from "./convert-model.ts";
export { describeModel, type ModelDescription, type ModelSupport } from "./describe-model.ts";
export {
  type LlamaConfig,
  llamaDecoder,
  llamaHead,
  llamaLogits,
  llamaSpecs,
  parseLlamaConfig,
} from "./llama.ts";
export { type ModelFiles, openModelFiles } from "./model-files.ts";
export { type LoadedAdapter, loadPeftAdapter, savePeftAdapter } from "./peft-adapter.ts";
export {
  lastTokenWeights,
  readLabelCount,
  sequenceClassifierLogits,
  sequenceClassifierSpecs,
} from "./sequence-classification.ts";
