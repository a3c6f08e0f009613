/**
 * What all encoders have in common: configuration, inputs, heads, and the interface that training, routing, embedding
 * and export see, whatever the family.
 *
 * B batch, T tokens, H hidden size, V vocabulary size, L labels.
 */
import type { Value } from "../graph/ir.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/parameters.ts";
import type { HuggingFaceConfig } from "./config.ts";

/** Facts that code outside of the families may need. */
export interface EncoderConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Context the model was made for, in tokens. */
  readonly maxPositions: number;
  /** Kinds of segments that inputs may name; 0 where the family knows none. */
  readonly tokenTypes: number;
  readonly layerNormEpsilon: number;
  /** Whether the output projection of the masked-language-model head is the embedding table. */
  readonly hasTiedEmbeddings: boolean;
}

export interface EncoderInputs {
  /** i32 [B, T] */
  readonly inputIds: Value;
  /** i32 [B, T]; arbitrary, from 0, below `positions` */
  readonly positionIds: Value;
  /** i32 [B, T]; all of type 0 when absent. Families without token types do not read it. */
  readonly tokenTypeIds?: Value | undefined;
  /** f32, broadcasts to [B, heads, T, T]; see nn/attention.ts. Local windows are added by the model. */
  readonly attentionBias: Value;
  /**
   * No position id is as large as this, and no row of symbolic length is longer; the model's maxPositions when
   * absent. Fewer make a smaller graph where positions are rotary.
   */
  readonly positions?: number;
}

export interface EncoderOptions {
  /** Whether dropout applies. */
  readonly isTraining?: boolean;
}

/** The head that predicts hidden words: logits are transform(hidden) weight^T + bias. */
export interface MaskedLanguageHead {
  /** Parameters of the head alone; a tied projection is the encoder's. */
  readonly specs: ParameterSpecs;
  /** Hidden states f32 [..., H] -> [..., H], before the projection. */
  transform(parameters: ParameterValues, hidden: Value): Value;
  /** The projection f32 [V, H]: the embedding table itself when tied. */
  weight(parameters: ParameterValues): Value;
  /** f32 [V]; undefined where there is none. */
  bias(parameters: ParameterValues): Value | undefined;
}

/** The head that classifies whole sequences. */
export interface EncoderClassificationHead {
  /** What it reads: the first token, or the mean of all that are not padding. */
  readonly pooling: "cls" | "mean";
  /** Parameters of the head alone. */
  specs(labels: number): ParameterSpecs;
  /** Pooled hidden states f32 [B, H] -> logits [B, L]. */
  logits(parameters: ParameterValues, pooled: Value, options?: EncoderOptions): Value;
}

/** An encoder of any family, ready to build graphs. */
export interface EncoderModel {
  readonly modelType: string;
  readonly config: EncoderConfig;
  /** Parameters of the encoder without heads. */
  readonly specs: ParameterSpecs;
  /** What their names begin with. */
  readonly prefix: string;
  /** Name of the table of word embeddings. */
  readonly embedding: string;
  readonly maskedHead: MaskedLanguageHead;
  readonly classificationHead: EncoderClassificationHead;
  /** Final hidden states f32 [B, T, H]; B and T may be symbolic. */
  encode(parameters: ParameterValues, inputs: EncoderInputs, options?: EncoderOptions): Value;
}

/** A family: how one `model_type` of config.json is read and built. */
export interface EncoderFamily<Config extends EncoderConfig> {
  /** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
  readonly parseConfig: (config: HuggingFaceConfig) => Config;
  readonly specs: (config: Config) => ParameterSpecs;
  readonly encode: (
    config: Config,
    parameters: ParameterValues,
    inputs: EncoderInputs,
    options?: EncoderOptions,
  ) => Value;
  readonly prefix: string;
  readonly embedding: string;
  readonly maskedHead: (config: Config) => MaskedLanguageHead;
  readonly classificationHead: (config: Config) => EncoderClassificationHead;
}
