/**
 * Qwen2 and Qwen2.5 decoders (arXiv 2407.10671, 2412.15115): Llama's decoder with biases on queries, keys and
 * values; upper layers may look back over a sliding window.
 */
import type { CausalFamily } from "./causal-model.ts";
import { type HuggingFaceConfig, readBoolean, readNumber, requireOneOf } from "./config.ts";
import {
  type DecoderSizes,
  readDecoderSizes,
  readLayerWindows,
  readSlidingWindow,
} from "./decoder-config.ts";
import { LLAMA, type LlamaConfig } from "./llama.ts";
import { readRotary } from "./rotary-config.ts";

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseQwen2Config(config: HuggingFaceConfig): LlamaConfig {
  requireOneOf("qwen2", config, "model_type", ["qwen2"]);
  const sizes = readDecoderSizes("qwen2", config, { maxPositions: 32_768, numKeyValueHeads: 32 });
  return { ...qwenConfig("qwen2", config, sizes), attentionBias: "qkv", hasQueryKeyNorm: false };
}

/** What Qwen2 and Qwen3 share. */
export function qwenConfig(
  family: string,
  config: HuggingFaceConfig,
  sizes: DecoderSizes,
): Omit<LlamaConfig, "attentionBias" | "hasQueryKeyNorm"> {
  requireOneOf(family, config, "hidden_act", ["silu", undefined]);
  const isWindowed = readBoolean(family, config, "use_sliding_window", false);
  const window = isWindowed ? readSlidingWindow(family, config, 4096) : undefined;
  const globalLayers = readNumber(family, config, "max_window_layers", 28);
  return {
    ...sizes,
    rotary: readRotary(family, config),
    hasFeedForwardBias: false,
    layerWindows: readLayerWindows(
      family,
      config,
      sizes.numLayers,
      window,
      (layer) => window !== undefined && layer >= globalLayers,
    ),
    finalSoftcap: undefined,
  };
}

export const QWEN2: CausalFamily<LlamaConfig> = { ...LLAMA, parseConfig: parseQwen2Config };
