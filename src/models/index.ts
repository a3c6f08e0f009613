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
export type { HuggingFaceConfig } from "./config.ts";
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
  type EncoderInputs,
  type EncoderMemory,
  fusePassages,
  type KeysAndValues,
  type SelfAttentionLayer,
  type Seq2SeqConfig,
  type Seq2SeqModel,
  type Seq2SeqOptions,
  type Seq2SeqTensorNames,
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
  lastTokenWeights,
  readLabelCount,
  sequenceClassifierLogits,
  sequenceClassifierSpecs,
} from "./sequence-classification.ts";
