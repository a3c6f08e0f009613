/**
 * Gemma 3 text decoders (arXiv 2503.19786): normalised queries and keys; every sixth layer is global, with a larger
 * and possibly scaled rotary base.
 */
import type { CausalFamily } from "./causal-model.ts";
import { type HuggingFaceConfig, readCount, requireOneOf } from "./config.ts";
import { readLayerWindows, readSlidingWindow } from "./decoder-config.ts";
import { GEMMA, type GemmaConfig, readGemmaConfig } from "./gemma.ts";
import { type LayerRotaryKeys, readLayerRotary } from "./rotary-config.ts";

const FAMILY = "gemma3_text";
/** `rope_scaling` of older files is for global layers only. */
const ROTARY_KEYS: LayerRotaryKeys = {
  global: ["rope_theta", 1_000_000],
  local: ["rope_local_base_freq", 10_000],
  scalesLocal: false,
};

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseGemma3Config(config: HuggingFaceConfig): GemmaConfig {
  requireOneOf(FAMILY, config, "model_type", [FAMILY]);
  // The transformers class has the key and never reads it.
  requireOneOf(FAMILY, config, "attn_logit_softcapping", [undefined]);
  const common = readGemmaConfig(FAMILY, config, { maxPositions: 131_072, finalSoftcap: undefined });
  const window = readSlidingWindow(FAMILY, config, 4096);
  const pattern = readCount(FAMILY, config, "sliding_window_pattern", 6);
  return {
    ...common,
    ...readLayerRotary(FAMILY, config, ROTARY_KEYS),
    hasQueryKeyNorm: true,
    scoreSoftcap: undefined,
    layerWindows: readLayerWindows(
      FAMILY,
      config,
      common.numLayers,
      window,
      (layer) => (layer + 1) % pattern !== 0,
    ),
  };
}

export const GEMMA3_TEXT: CausalFamily<GemmaConfig> = { ...GEMMA, parseConfig: parseGemma3Config };
