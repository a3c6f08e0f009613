/**
 * Gemma 3 text decoders (arXiv 2503.19786): normalised queries and keys; every sixth layer is global, with a larger
 * and possibly scaled rotary base.
 */
import type { RotarySettings } from "../nn/rotary-frequencies.ts";
import type { CausalFamily } from "./causal-model.ts";
import { type HuggingFaceConfig, readCount, requireOneOf, unsupported } from "./config.ts";
import { readLayerWindows, readSlidingWindow } from "./decoder-config.ts";
import { GEMMA, type GemmaConfig, readGemmaConfig } from "./gemma.ts";
import { readObject, rotarySettings } from "./rotary-config.ts";

const FAMILY = "gemma3_text";
const LAYER_TYPES = ["full_attention", "sliding_attention"];

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
    ...readGemma3Rotary(config),
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

/** Bases of their own for both kinds of layers; `rope_scaling` of older files is for global ones only. */
function readGemma3Rotary(config: HuggingFaceConfig): {
  globalRotary: RotarySettings;
  localRotary: RotarySettings;
} {
  const nested = readObject(FAMILY, config, "rope_parameters") ?? {};
  for (const key of Object.keys(nested)) {
    if (!LAYER_TYPES.includes(key)) {
      throw unsupported(
        `${FAMILY} rope_parameters`,
        key,
        nested[key],
        "inside full_attention or sliding_attention",
      );
    }
  }
  const global = {
    ...readObject(FAMILY, nested, "full_attention"),
    ...readObject(FAMILY, config, "rope_scaling"),
  };
  const local = readObject(FAMILY, nested, "sliding_attention") ?? {};
  const localConfig = { ...config, rope_theta: config.rope_local_base_freq };
  return {
    globalRotary: rotarySettings(FAMILY, config, "rope_parameters", global, 1_000_000),
    localRotary: rotarySettings(FAMILY, localConfig, "rope_parameters", local, 10_000),
  };
}

export const GEMMA3_TEXT: CausalFamily<GemmaConfig> = { ...GEMMA, parseConfig: parseGemma3Config };
