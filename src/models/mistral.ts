/**
 * Mistral decoders (arXiv 2310.06825): Llama's decoder, every layer looking back over a sliding window where the
 * config.json has one.
 */
import type { CausalFamily } from "./causal-model.ts";
import { type HuggingFaceConfig, requireOneOf } from "./config.ts";
import { readDecoderSizes, readSlidingWindow } from "./decoder-config.ts";
import { LLAMA, type LlamaConfig } from "./llama.ts";
import { readRotary } from "./rotary-config.ts";

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseMistralConfig(config: HuggingFaceConfig): LlamaConfig {
  requireOneOf("mistral", config, "model_type", ["mistral"]);
  requireOneOf("mistral", config, "hidden_act", ["silu", undefined]);
  const sizes = readDecoderSizes("mistral", config, { maxPositions: 131_072, numKeyValueHeads: 8 });
  const window = readSlidingWindow("mistral", config, 4096);
  return {
    ...sizes,
    rotary: readRotary("mistral", config),
    attentionBias: "none",
    hasQueryKeyNorm: false,
    hasFeedForwardBias: false,
    layerWindows: Array.from({ length: sizes.numLayers }, () => window),
    finalSoftcap: undefined,
  };
}

export const MISTRAL: CausalFamily<LlamaConfig> = { ...LLAMA, parseConfig: parseMistralConfig };
