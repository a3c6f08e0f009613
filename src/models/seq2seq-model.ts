/**
 * What all encoder-decoder language models have in common: configuration, inputs, and the interface that training and
 * generation see, whatever the family.
 *
 * B batch, S source tokens, T target tokens, H hidden size, N heads, D head width, V vocabulary size.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { attention } from "../nn/attention.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/parameters.ts";
import { scaleDimension } from "../tensor/shape.ts";
import type { HuggingFaceConfig } from "./config.ts";

/** Facts that code outside of the families may need. */
export interface Seq2SeqConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly numEncoderLayers: number;
  readonly numDecoderLayers: number;
  readonly numHeads: number;
  readonly headWidth: number;
  /** Tokens of source and target that the model was made for; relative positions go on beyond. */
  readonly usualPositions: number;
  /** Whether the output projection is the embedding table. */
  readonly hasTiedEmbeddings: boolean;
  /** Factor on the decoder's hidden states before the output projection. */
  readonly headScale: number;
  /** The token that the decoder reads first. */
  readonly startTokenId: number;
}

export interface SourceInputs {
  /** i32 [B, S] */
  readonly inputIds: Value;
  /** i32 [B, S], or [1, S] where all rows count alike */
  readonly positionIds: Value;
  /** f32, broadcasts to [B, N, S, S]: masks padding */
  readonly attentionBias: Value;
}

/** Keys and values f32 [B, N, S, D] of the encoder's states for one decoder layer. */
export interface KeysAndValues {
  readonly keys: Value;
  readonly values: Value;
}

/** The encoder's states f32 [B, S, H], or what {@link Seq2SeqModel.memory} made of them, one entry a decoder layer. */
export type EncoderMemory = Value | readonly KeysAndValues[];

/** What a decoder layer tells whoever computes its self-attention. */
export interface SelfAttentionLayer {
  /** Counted from 0. */
  readonly index: number;
  /** Factor on q k^T. */
  readonly scale: number;
  /** Dropout probability of the attention weights; 0 outside of training. */
  readonly dropout: number;
}

/** q, k, v f32 [B, N, T, D] of the new tokens and the whole bias on their scores -> [B, N, T, D]. */
export type AttendToTarget = (layer: SelfAttentionLayer, q: Value, k: Value, v: Value, bias: Value) => Value;

export interface TargetInputs {
  /** i32 [B, T] */
  readonly inputIds: Value;
  /** i32 [B, T], or [1, T] where all rows count alike */
  readonly positionIds: Value;
  /** i32, positions of the tokens that are looked at: [B, T'] or [1, T']; those of the queries when absent */
  readonly keyPositionIds?: Value;
  /** f32, broadcasts to [B, N, T, T']; holds the causal mask */
  readonly attentionBias: Value;
  /** f32, broadcasts to [B, N, T, S]: masks padding of the source */
  readonly memoryBias: Value;
  /** Self-attention over more than the tokens at hand, such as a key/value cache; over themselves when absent. */
  readonly attend?: AttendToTarget;
}

export interface Seq2SeqOptions {
  /** Whether dropout applies. */
  readonly isTraining?: boolean;
}

/** How checkpoints of a family name what is no parameter of its own. */
export interface Seq2SeqTensorNames {
  /** The embedding table. */
  readonly embedding: string;
  /** Other names of the same table. */
  readonly embeddingCopies: readonly string[];
  /** Tensors that nothing reads. */
  readonly unused: readonly string[];
}

/** An encoder-decoder language model of any family, ready to build graphs. */
export interface Seq2SeqModel {
  readonly modelType: string;
  readonly config: Seq2SeqConfig;
  readonly names: Seq2SeqTensorNames;
  /** Parameters of encoder, decoder and head. */
  readonly specs: ParameterSpecs;
  /** Final hidden states of the source f32 [B, S, H]. */
  encode(parameters: ParameterValues, inputs: SourceInputs, options?: Seq2SeqOptions): Value;
  /** Keys and values of the encoder's states, made once for all target tokens. */
  memory(parameters: ParameterValues, hidden: Value): readonly KeysAndValues[];
  /** Final hidden states of the target f32 [B, T, H]. */
  decode(
    parameters: ParameterValues,
    memory: EncoderMemory,
    inputs: TargetInputs,
    options?: Seq2SeqOptions,
  ): Value;
  /** The output projection f32 [V, H]: the embedding table itself when tied. */
  head(parameters: ParameterValues): Value;
}

/** A family: how one `model_type` of config.json is read and built. */
export interface Seq2SeqFamily<Config extends Seq2SeqConfig> {
  /** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
  readonly parseConfig: (config: HuggingFaceConfig) => Config;
  readonly specs: (config: Config) => ParameterSpecs;
  readonly encode: (
    config: Config,
    parameters: ParameterValues,
    inputs: SourceInputs,
    options?: Seq2SeqOptions,
  ) => Value;
  readonly memory: (config: Config, parameters: ParameterValues, hidden: Value) => readonly KeysAndValues[];
  readonly decode: (
    config: Config,
    parameters: ParameterValues,
    memory: EncoderMemory,
    inputs: TargetInputs,
    options?: Seq2SeqOptions,
  ) => Value;
  readonly names: Seq2SeqTensorNames;
  /** The same config.json with an output projection beside the embedding table, read as before. */
  readonly withOwnHead: (config: HuggingFaceConfig) => HuggingFaceConfig;
}

/** Softmax attention of the tokens at hand over themselves. */
export const attendToThemselves: AttendToTarget = ({ scale, dropout }, q, k, v, bias) =>
  attention(q, k, v, bias, dropout, { scale });

/**
 * Fusion in the decoder (arXiv 2007.01282, section 3): passages are encoded one by one, and the decoder reads the states
 * of all of a row's passages as one long source.
 *
 * @param hidden f32 [B passages, S, H], the passages of a row one after the other
 * @param bias f32 [B passages, 1, 1, S], masks padding
 * @returns f32 [B, passages S, H] and [B, 1, 1, passages S]
 */
export function fusePassages(
  hidden: Value,
  bias: Value,
  passages: number,
): { readonly hidden: Value; readonly memoryBias: Value } {
  const [rows, tokens, width] = hidden.shape;
  const batch = Number(rows) / passages;
  const source = scaleDimension(tokens!, passages);
  return {
    hidden: ops.reshape(hidden, [batch, source, width!]),
    memoryBias: ops.reshape(bias, [batch, 1, 1, source]),
  };
}
