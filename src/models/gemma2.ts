/** Gemma 2 decoders (arXiv 2408.00118): every other layer is local; scores and output logits are soft-capped. */
import type { CausalFamily } from "./causal-model.ts";
import { type HuggingFaceConfig, readOptionalNumber, requireOneOf } from "./config.ts";
import { readLayerWindows, readSlidingWindow } from "./decoder-config.ts";
import { GEMMA, type GemmaConfig, readGemmaConfig } from "./gemma.ts";
import { readRotary } from "./rotary-config.ts";

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseGemma2Config(config: HuggingFaceConfig): GemmaConfig {
  requireOneOf("gemma2", config, "model_type", ["gemma2"]);
  const common = readGemmaConfig("gemma2", config, { maxPositions: 8192, finalSoftcap: 30 });
  const window = readSlidingWindow("gemma2", config, 4096);
  const rotary = readRotary("gemma2", config);
  return {
    ...common,
    globalRotary: rotary,
    localRotary: rotary,
    hasQueryKeyNorm: false,
    scoreSoftcap: readOptionalNumber("gemma2", config, "attn_logit_softcapping", 50),
    layerWindows: readLayerWindows("gemma2", config, common.numLayers, window, (layer) => layer % 2 === 0),
  };
}

export const GEMMA2: CausalFamily<GemmaConfig> = { ...GEMMA, parseConfig: parseGemma2Config };
