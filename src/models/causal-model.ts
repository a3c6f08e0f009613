/**
 * What all decoder-only language models have in common: configuration, inputs, and the interface that training,
 * routing and generation see, whatever the family.
 *
 * B batch, T tokens, S keys, H hidden size, V vocabulary size.
 */
import type { Value } from "../graph/ir.ts";
import { attention } from "../nn/attention.ts";
import { biasBlocks, causalAttention } from "../nn/causal-attention.ts";
import { slidingWindowBias } from "../nn/masks.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/parameters.ts";
import type { HuggingFaceConfig } from "./config.ts";

/** Facts that code outside of the families may need. */
export interface CausalConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headWidth: number;
  /** Context the model was made for, in tokens. */
  readonly maxPositions: number;
  /** Whether the output projection is the embedding table. */
  readonly hasTiedEmbeddings: boolean;
  /** One entry a layer: how many positions it looks back over, itself included; undefined sees all. */
  readonly layerWindows: readonly (number | undefined)[];
  /** Cap on the output logits: cap tanh(logits / cap). */
  readonly finalSoftcap: number | undefined;
}

/** What a layer tells whoever computes its attention. */
export interface AttentionLayer {
  /** Counted from 0. */
  readonly index: number;
  /** See {@link CausalConfig.layerWindows}. */
  readonly window: number | undefined;
  /** Factor on q k^T. */
  readonly scale: number;
  /** Cap on the scores. */
  readonly softcap: number | undefined;
  /** Dropout probability of the attention weights; 0 outside of training. */
  readonly dropout: number;
}

/** q [B, N, T, D], k and v [B, K, T, D] of the new tokens, rotated -> [B, N, T, D]. */
export type Attend = (layer: AttentionLayer, q: Value, k: Value, v: Value) => Value;

interface TokenInputs {
  /** i32 [B, T] */
  readonly inputIds: Value;
  /** i32 [B, T]; arbitrary, from 0, below `positions` */
  readonly positionIds: Value;
  /**
   * No position id is as large as this, and no row of symbolic length is longer; the model's maxPositions when
   * absent. Fewer make a smaller graph. Dynamic rotary scaling takes it for the length of the sequence.
   */
  readonly positions?: number;
}

/** Tokens that attend to one another. */
export interface BiasedInputs extends TokenInputs {
  /** f32, broadcasts to [B, heads, T, T]; holds the causal mask too. Sliding windows are added by the model. */
  readonly attentionBias: Value;
  /**
   * Promises that the bias masks every token to the right in the row (as packed, padded and plain causal rows do), so that
   * those scores are never computed; needs T known. @default false
   */
  readonly isCausalByPlace?: boolean;
  readonly attend?: undefined;
}

/** Tokens whose attention is computed elsewhere, for example over a key/value cache. */
export interface AttendedInputs extends TokenInputs {
  readonly attend: Attend;
}

export type DecoderInputs = BiasedInputs | AttendedInputs;

export interface DecoderOptions {
  /** Whether dropout applies. */
  readonly isTraining?: boolean;
}

/** A causal language model of any family, ready to build graphs. */
export interface CausalModel {
  readonly modelType: string;
  readonly config: CausalConfig;
  /** Parameters of decoder and head. */
  readonly specs: ParameterSpecs;
  /** What the names of decoder parameters begin with. */
  readonly prefix: string;
  /** Name of the embedding table. */
  readonly embedding: string;
  /** Final-norm hidden states f32 [B, T, H]. */
  decoder(parameters: ParameterValues, inputs: DecoderInputs, options?: DecoderOptions): Value;
  /** The output projection f32 [V, H]: the embedding table itself when tied. */
  head(parameters: ParameterValues): Value;
}

/** A family: how one `model_type` of config.json is read and built. */
export interface CausalFamily<Config extends CausalConfig> {
  /** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
  readonly parseConfig: (config: HuggingFaceConfig) => Config;
  readonly specs: (config: Config) => ParameterSpecs;
  readonly decoder: (
    config: Config,
    parameters: ParameterValues,
    inputs: DecoderInputs,
    options?: DecoderOptions,
  ) => Value;
  readonly prefix: string;
  /** Name of the embedding table. */
  readonly embedding: string;
}

export const HEAD = "lm_head.weight";

/** The attention of `inputs`: its own, or softmax attention under its bias and each layer's window. */
export function attendTo(inputs: DecoderInputs): Attend {
  if (inputs.attend) return inputs.attend;
  const { attentionBias, positionIds, isCausalByPlace = false } = inputs;
  const biasOf = onceEach((window: number | undefined) =>
    window === undefined ? attentionBias : slidingWindowBias(attentionBias, positionIds, positionIds, window),
  );
  const blocksOf = onceEach((window: number | undefined) => biasBlocks(biasOf(window)));
  return ({ window, dropout, scale, softcap }, q, k, v) =>
    isCausalByPlace
      ? causalAttention(q, k, v, blocksOf(window), dropout, { scale, softcap })
      : attention(q, k, v, biasOf(window), dropout, { scale, softcap });
}

function onceEach<Key, Made>(make: (key: Key) => Made): (key: Key) => Made {
  const made = new Map<Key, Made>();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key) as Made;
  };
}
