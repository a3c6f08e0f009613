/** The config.json of T5: sizes, and the two keys that older and newer files spell otherwise. */
import * as ops from "../graph/functions.ts";
import {
  type HuggingFaceConfig,
  readBoolean,
  readCount,
  readNumber,
  readProbability,
  requireOneOf,
  unsupported,
} from "./config.ts";
import { refuseChangedWeights } from "./decoder-config.ts";
import type { Seq2SeqConfig } from "./seq2seq-model.ts";

/** `gelu_new` and `gelu_pytorch_tanh` are two names of one approximation. */
export const T5_ACTIVATIONS = {
  relu: ops.relu,
  gelu: ops.gelu,
  gelu_new: ops.geluTanh,
  gelu_pytorch_tanh: ops.geluTanh,
  silu: ops.silu,
} as const;

type Activation = keyof typeof T5_ACTIVATIONS;

export interface T5Config extends Seq2SeqConfig {
  readonly feedForwardSize: number;
  readonly activation: Activation;
  /** activation(W0 x) * (W1 x) instead of activation(W x). */
  readonly isGated: boolean;
  readonly relativeBuckets: number;
  readonly maxDistance: number;
  readonly layerNormEpsilon: number;
  readonly dropout: number;
  readonly initializerFactor: number;
}

const FAMILY = "t5";

/** "relu", "gated-gelu", ...; "gated-gelu" means the approximation, "gelu" alone the exact one. */
function readFeedForward(config: HuggingFaceConfig): { activation: Activation; isGated: boolean } {
  const form = config.feed_forward_proj ?? "relu";
  const isGated = typeof form === "string" && form.startsWith("gated-");
  const named = isGated ? form.slice("gated-".length) : form;
  if (typeof named !== "string" || !Object.hasOwn(T5_ACTIVATIONS, named)) {
    const names = Object.keys(T5_ACTIVATIONS).join(", ");
    throw unsupported(FAMILY, "feed_forward_proj", form, `one of ${names}, alone or behind "gated-"`);
  }
  const activation = form === "gated-gelu" ? "gelu_new" : (named as Activation);
  // Newer files repeat what follows from feed_forward_proj.
  requireOneOf(FAMILY, config, "dense_act_fn", [activation, undefined]);
  requireOneOf(FAMILY, config, "is_gated_act", [isGated, undefined]);
  return { activation, isGated };
}

function readStartToken(config: HuggingFaceConfig, vocabularySize: number): number {
  const id = config.decoder_start_token_id ?? config.pad_token_id ?? 0;
  if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= vocabularySize) {
    throw unsupported(FAMILY, "decoder_start_token_id", id, `a token id below ${vocabularySize}`);
  }
  return id as number;
}

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseT5Config(config: HuggingFaceConfig): T5Config {
  requireOneOf(FAMILY, config, "model_type", ["t5"]);
  requireOneOf(FAMILY, config, "is_encoder_decoder", [true, undefined]);
  requireOneOf(FAMILY, config, "is_decoder", [false, undefined]);
  requireOneOf(FAMILY, config, "tie_encoder_decoder", [false, undefined]);
  refuseChangedWeights(FAMILY, config);
  const count = (key: string, fallback?: number): number => readCount(FAMILY, config, key, fallback);
  const isTrue = (key: string, fallback: boolean): boolean => readBoolean(FAMILY, config, key, fallback);
  const hiddenSize = count("d_model");
  const vocabularySize = count("vocab_size");
  const relativeBuckets = count("relative_attention_num_buckets", 32);
  if (relativeBuckets < 4 || relativeBuckets % 2 !== 0) {
    throw unsupported(FAMILY, "relative_attention_num_buckets", relativeBuckets, "an even number from 4");
  }
  const maxDistance = count("relative_attention_max_distance", 128);
  if (maxDistance <= relativeBuckets / 2) {
    const expected = `above ${relativeBuckets / 2}, half of the buckets`;
    throw unsupported(FAMILY, "relative_attention_max_distance", maxDistance, expected);
  }
  const hasTiedEmbeddings = isTrue("tie_word_embeddings", true);
  return {
    vocabularySize,
    hiddenSize,
    numEncoderLayers: count("num_layers"),
    numDecoderLayers: count("num_decoder_layers", count("num_layers")),
    numHeads: count("num_heads"),
    headWidth: count("d_kv"),
    feedForwardSize: count("d_ff"),
    ...readFeedForward(config),
    usualPositions: count("n_positions", 512),
    relativeBuckets,
    maxDistance,
    hasTiedEmbeddings,
    // Older files say it through tie_word_embeddings; transformers 5 writes that as true always, and this key beside it.
    headScale: isTrue("scale_decoder_outputs", hasTiedEmbeddings) ? 1 / Math.sqrt(hiddenSize) : 1,
    startTokenId: readStartToken(config, vocabularySize),
    layerNormEpsilon: readNumber(FAMILY, config, "layer_norm_epsilon", 1e-6),
    dropout: readProbability(FAMILY, config, "dropout_rate", 0.1),
    initializerFactor: readNumber(FAMILY, config, "initializer_factor", 1),
  };
}
