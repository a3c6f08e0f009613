export {
  attention,
  MASKED_BIAS,
  mergeHeads,
  type ScoreSettings,
  softCap,
  splitFusedHeads,
  splitHeads,
} from "./attention.ts";
export { type AttentionAdaptation, adaptAttention } from "./attention-adaptation.ts";
export { type NarrowedParameters, narrowParameters, widenParameters } from "./half-parameters.ts";
export { dropout, layerNormSpecs, linear, linearSpecs, namedLayerNorm, namedLinear } from "./layers.ts";
export {
  initialiseLora,
  type LoraConfig,
  type LoraTargets,
  loraModules,
  loraScale,
  loraSpecs,
  withLora,
} from "./lora.ts";
export { type MergedLora, mergeLora } from "./lora-merge.ts";
export { causalBias, localWindowBias, paddingBias, slidingWindowBias } from "./masks.ts";
export {
  checkParameters,
  declareParameters,
  type HalfParameters,
  initialiseParameters,
  matrix,
  type ParameterSpec,
  type ParameterSpecs,
  type Parameters,
  type ParameterValues,
  vector,
} from "./parameters.ts";
export type { WeightBits } from "./quantize.ts";
export {
  type RelativePositionSettings,
  relativePositionBias,
  relativePositionBucket,
} from "./relative-position.ts";
export { type ResizeOptions, resizeEmbeddings } from "./resize-embeddings.ts";
export { type Rotate, rotaryEmbedding } from "./rotary.ts";
export type { RotarySettings } from "./rotary-frequencies.ts";
export { firstTokenWeights, meanTokenWeights, pooledTokens } from "./token-pooling.ts";
export { type WeightUses, weightUses } from "./weight-uses.ts";
export { type BakedWeights, declareWeights, fedWeights, type InferenceWeights } from "./weight-values.ts";
