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
} from "./causal-weights.ts";
export { type ConversionTarget, type ConvertedModel, convertModel } from "./convert-model.ts";
export { describeModel, type ModelDescription, type ModelSupport } from "./describe-model.ts";
export {
  createEncoderModel,
  ENCODER_MODEL_TYPES,
  type MaskedTargets,
  maskedCrossEntropy,
  maskedLanguageSpecs,
  maskedLogits,
} from "./encoder-families.ts";
export type {
  EncoderClassificationHead,
  EncoderConfig,
  EncoderInputs,
  EncoderModel,
  EncoderOptions,
  MaskedLanguageHead,
} from "./encoder-model.ts";
export {
  encoderParameterName,
  type LoadedEncoderModel,
  loadEncoderModel,
  loadMaskedLanguageModel,
} from "./encoder-weights.ts";
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
  type ClassificationProblem,
  classificationLoss,
  createSequenceClassifier,
  type LoadedSequenceClassifier,
  lastTokenWeights,
  loadSequenceClassifier,
  readLabelCount,
  type SequenceClassifier,
} from "./sequence-classification.ts";
