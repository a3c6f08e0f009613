/** Keys of config.json that decoder families share, some of them with encoders. */
import type { CausalConfig } from "./causal-model.ts";
import {
  type HuggingFaceConfig,
  readBoolean,
  readCount,
  readNotNegative,
  readOptionalNumber,
  readProbability,
  requireOneOf,
  unsupported,
} from "./config.ts";

export interface DecoderSizes extends Omit<CausalConfig, "layerWindows" | "finalSoftcap"> {
  readonly intermediateSize: number;
  readonly rmsNormEpsilon: number;
  readonly attentionDropout: number;
  readonly initializerRange: number;
}

/** Values of keys that a config.json may leave out; they are those of the family's transformers class. */
export interface DecoderDefaults {
  readonly maxPositions: number;
  readonly numKeyValueHeads?: number;
  readonly headWidth?: number;
  readonly hasTiedEmbeddings?: boolean;
}

/** Refuses what no model here can do: parts of encoder-decoders, removed heads, quantised weights. */
export function refuseForeignParts(family: string, config: HuggingFaceConfig): void {
  requireOneOf(family, config, "is_encoder_decoder", [false, undefined]);
  requireOneOf(family, config, "add_cross_attention", [false, undefined]);
  refuseChangedWeights(family, config);
}

/** Refuses weights that are quantised or lack heads. */
export function refuseChangedWeights(family: string, config: HuggingFaceConfig): void {
  requireOneOf(family, config, "quantization_config", [undefined]);
  const pruned = config.pruned_heads ?? undefined;
  if (pruned !== undefined && (typeof pruned !== "object" || Object.keys(pruned).length > 0)) {
    throw unsupported(family, "pruned_heads", pruned, "empty or absent");
  }
}

/** Sizes and numbers of a rotary decoder. @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function readDecoderSizes(
  family: string,
  config: HuggingFaceConfig,
  defaults: DecoderDefaults,
): DecoderSizes {
  refuseForeignParts(family, config);
  const count = (key: string, fallback?: number): number => readCount(family, config, key, fallback);
  const hiddenSize = count("hidden_size");
  const numHeads = count("num_attention_heads");
  // Null means as many as heads; the class default is for an absent key only.
  const groups = config.num_key_value_heads === undefined ? defaults.numKeyValueHeads : undefined;
  const numKeyValueHeads = count("num_key_value_heads", groups ?? numHeads);
  if (numHeads % numKeyValueHeads !== 0) {
    throw unsupported(family, "num_key_value_heads", numKeyValueHeads, `a divisor of ${numHeads} heads`);
  }
  const headWidth = count("head_dim", defaults.headWidth ?? hiddenSize / numHeads);
  if (headWidth % 2 !== 0) throw unsupported(family, "head_dim", headWidth, "even");
  return {
    vocabularySize: count("vocab_size"),
    hiddenSize,
    numLayers: count("num_hidden_layers"),
    numHeads,
    numKeyValueHeads,
    headWidth,
    intermediateSize: count("intermediate_size"),
    maxPositions: count("max_position_embeddings", defaults.maxPositions),
    rmsNormEpsilon: readNotNegative(family, config, "rms_norm_eps", 1e-6),
    hasTiedEmbeddings: readBoolean(
      family,
      config,
      "tie_word_embeddings",
      defaults.hasTiedEmbeddings ?? false,
    ),
    attentionDropout: readProbability(family, config, "attention_dropout", 0),
    initializerRange: readNotNegative(family, config, "initializer_range", 0.02),
  };
}

/**
 * The window of every layer, from `layer_types` or, where absent, from `isSliding`. Entries beyond `numLayers` are
 * not read, so that a config cut to its first layers stays legal.
 */
export function readLayerWindows(
  family: string,
  config: HuggingFaceConfig,
  numLayers: number,
  window: number | undefined,
  isSliding: (layer: number) => boolean,
): (number | undefined)[] {
  const types = config.layer_types ?? undefined;
  if (types !== undefined && !(Array.isArray(types) && types.length >= numLayers)) {
    throw unsupported(family, "layer_types", types, `a list of ${numLayers} layer types`);
  }
  return Array.from({ length: numLayers }, (_, layer) => {
    const type = types ? types[layer] : isSliding(layer) ? "sliding_attention" : "full_attention";
    if (type === "full_attention") return undefined;
    if (type !== "sliding_attention") {
      throw unsupported(family, "layer_types", type, '"full_attention" or "sliding_attention"');
    }
    if (window === undefined) throw unsupported(family, "sliding_window", null, "a number of positions");
    return window;
  });
}

/** Positions a sliding layer looks back over; null means none. */
export function readSlidingWindow(
  family: string,
  config: HuggingFaceConfig,
  fallback: number | undefined,
): number | undefined {
  const window = readOptionalNumber(family, config, "sliding_window", fallback);
  if (window !== undefined && !Number.isInteger(window)) {
    throw unsupported(family, "sliding_window", window, "a whole number of positions or null");
  }
  return window;
}
