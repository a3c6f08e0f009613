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
  causalLogProbabilities,
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
export type { HuggingFaceConfig } from "./config.ts";
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
  quantizationError,
  type ReadWeightsOptions,
  readInferenceWeights,
  type WeightPlan,
  weightBytes,
} from "./inference-weights.ts";
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
  createSeq2SeqModel,
  isSeq2SeqConfig,
  isSeq2SeqModel,
  SEQ2SEQ_MODEL_TYPES,
  type Seq2SeqTargets,
  seq2SeqCrossEntropy,
  seq2SeqLogits,
  seq2SeqLogLikelihood,
} from "./seq2seq-families.ts";
export {
  type AttendToTarget,
  type EncoderMemory,
  fusePassages,
  type KeysAndValues,
  type SelfAttentionLayer,
  type Seq2SeqConfig,
  type Seq2SeqModel,
  type Seq2SeqOptions,
  type Seq2SeqTensorNames,
  type SourceInputs,
  type TargetInputs,
} from "./seq2seq-model.ts";
export {
  type LoadedSeq2SeqModel,
  loadSeq2SeqModel,
  openSeq2SeqModel,
  type StoredSeq2SeqModel,
  saveSeq2SeqModel,
} from "./seq2seq-weights.ts";
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
