/**
 * Qwen3 dense decoders (arXiv 2505.09388): Llama's decoder with RMS-normalised queries and keys and a head width of
 * its own.
 */
import type { CausalFamily } from "./causal-model.ts";
import { type HuggingFaceConfig, readBoolean, requireOneOf } from "./config.ts";
import { readDecoderSizes } from "./decoder-config.ts";
import { LLAMA, type LlamaConfig } from "./llama.ts";
import { qwenConfig } from "./qwen2.ts";

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseQwen3Config(config: HuggingFaceConfig): LlamaConfig {
  requireOneOf("qwen3", config, "model_type", ["qwen3"]);
  const defaults = { maxPositions: 32_768, numKeyValueHeads: 32, headWidth: 128 };
  return {
    ...qwenConfig("qwen3", config, readDecoderSizes("qwen3", config, defaults)),
    attentionBias: readBoolean("qwen3", config, "attention_bias", false) ? "qkvo" : "none",
    hasQueryKeyNorm: true,
  };
}

export const QWEN3: CausalFamily<LlamaConfig> = { ...LLAMA, parseConfig: parseQwen3Config };
