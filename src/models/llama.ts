/**
 * Llama-style decoders (arXiv 2302.13971): Llama 1 to 3, SmolLM2. RMS norm, rotary positions, grouped-query
 * attention, SwiGLU; driven by the Hugging Face config.json, parameter names as in the checkpoints. Mistral and Qwen
 * are the same decoder with other settings: see their files.
 *
 * B batch, T tokens, H hidden size, D head width.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import {
  gatedFeedForward,
  gatedFeedForwardSpecs,
  type SelfAttentionSettings,
  selfAttention,
  selfAttentionSpecs,
} from "../nn/decoder-layers.ts";
import { linear, lookUp } from "../nn/layers.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/parameters.ts";
import { rotaryEmbedding } from "../nn/rotary.ts";
import type { RotarySettings } from "../nn/rotary-frequencies.ts";
import {
  attendTo,
  type CausalConfig,
  type CausalFamily,
  type DecoderInputs,
  type DecoderOptions,
  HEAD,
} from "./causal-model.ts";
import { type HuggingFaceConfig, readBoolean, requireOneOf } from "./config.ts";
import { type DecoderSizes, readDecoderSizes } from "./decoder-config.ts";
import { readRotary } from "./rotary-config.ts";

export interface LlamaConfig extends CausalConfig, DecoderSizes, SelfAttentionSettings {
  readonly rotary: RotarySettings;
  readonly hasFeedForwardBias: boolean;
}

const EMBEDDING = "model.embed_tokens.weight";

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseLlamaConfig(config: HuggingFaceConfig): LlamaConfig {
  requireOneOf("llama", config, "model_type", ["llama"]);
  requireOneOf("llama", config, "hidden_act", ["silu", undefined]);
  const sizes = readDecoderSizes("llama", config, { maxPositions: 2048 });
  return {
    ...sizes,
    rotary: readRotary("llama", config),
    attentionBias: readBoolean("llama", config, "attention_bias", false) ? "qkvo" : "none",
    hasQueryKeyNorm: false,
    hasFeedForwardBias: readBoolean("llama", config, "mlp_bias", false),
    layerWindows: Array.from({ length: sizes.numLayers }, () => undefined),
    finalSoftcap: undefined,
  };
}

export function llamaSpecs(config: LlamaConfig): ParameterSpecs {
  const { hiddenSize, initializerRange: std } = config;
  const specs: Record<string, ParameterSpecs[string]> = {
    [EMBEDDING]: matrix(config.vocabularySize, hiddenSize, std),
  };
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `model.layers.${layer}`;
    Object.assign(specs, selfAttentionSpecs(`${name}.self_attn`, config, std), {
      ...gatedFeedForwardSpecs(`${name}.mlp`, config, std),
      [`${name}.input_layernorm.weight`]: vector(hiddenSize, 1),
      [`${name}.post_attention_layernorm.weight`]: vector(hiddenSize, 1),
    });
  }
  specs["model.norm.weight"] = vector(hiddenSize, 1);
  if (!config.hasTiedEmbeddings) specs[HEAD] = matrix(config.vocabularySize, hiddenSize, std);
  return specs;
}

/** The decoder's final-norm hidden states f32 [B, T, H]. */
export function llamaDecoder(
  config: LlamaConfig,
  parameters: ParameterValues,
  inputs: DecoderInputs,
  { isTraining = false }: DecoderOptions = {},
): Value {
  const { headWidth, maxPositions } = config;
  const rotate = rotaryEmbedding(
    config.rotary,
    headWidth,
    inputs.positionIds,
    inputs.positions ?? maxPositions,
  );
  const attend = attendTo(inputs);
  const dropout = isTraining ? config.attentionDropout : 0;
  const scale = 1 / Math.sqrt(headWidth);
  const norm = (name: string, x: Value): Value =>
    ops.rmsNorm(x, parameters(`${name}.weight`), config.rmsNormEpsilon);
  const layer = (x: Value, index: number, window: number | undefined): Value => {
    const name = `model.layers.${index}`;
    const mixed = selfAttention(parameters, `${name}.self_attn`, norm(`${name}.input_layernorm`, x), config, {
      norm,
      rotate,
      attend: (q, k, v) => attend({ index, window, scale, softcap: undefined, dropout }, q, k, v),
    });
    const attended = ops.add(x, mixed);
    const inner = norm(`${name}.post_attention_layernorm`, attended);
    return ops.add(attended, gatedFeedForward(parameters, `${name}.mlp`, inner, config, ops.silu));
  };
  const embedded = lookUp(parameters(EMBEDDING), inputs.inputIds);
  const last = config.layerWindows.reduce(
    (x, window, index) => x.graph.region("layer", () => layer(x, index, window)),
    embedded,
  );
  return norm("model.norm", last);
}

/** The output projection: the embedding table itself when tied. */
export function llamaHead(config: LlamaConfig, parameters: ParameterValues): Value {
  return parameters(config.hasTiedEmbeddings ? EMBEDDING : HEAD);
}

/** Logits over the vocabulary, [B, T, V]; for training use the chunked loss instead. */
export function llamaLogits(config: LlamaConfig, parameters: ParameterValues, hidden: Value): Value {
  return linear(hidden, llamaHead(config, parameters));
}

export const LLAMA: CausalFamily<LlamaConfig> = {
  parseConfig: parseLlamaConfig,
  specs: llamaSpecs,
  decoder: llamaDecoder,
  prefix: "model.",
  embedding: EMBEDDING,
};
