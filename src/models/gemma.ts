/**
 * The decoder of Gemma 2 and Gemma 3 (arXiv 2408.00118, 2503.19786): scaled embeddings, RMS norms of weight 1 + w
 * before and after each half of a layer, GeGLU, soft-capped scores, local and global layers with rotary bases of
 * their own. The families' files say which of these apply.
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
import { lookUp } from "../nn/layers.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/parameters.ts";
import { type Rotate, rotaryEmbedding } from "../nn/rotary.ts";
import type { RotarySettings } from "../nn/rotary-frequencies.ts";
import {
  attendTo,
  type CausalConfig,
  type CausalFamily,
  type DecoderInputs,
  type DecoderOptions,
  HEAD,
} from "./causal-model.ts";
import {
  type HuggingFaceConfig,
  readBoolean,
  readNumber,
  readOptionalNumber,
  requireOneOf,
  unsupported,
} from "./config.ts";
import { type DecoderSizes, readDecoderSizes } from "./decoder-config.ts";

export interface GemmaConfig extends CausalConfig, DecoderSizes, SelfAttentionSettings {
  /** Of layers that see all positions. */
  readonly globalRotary: RotarySettings;
  /** Of layers with a window. */
  readonly localRotary: RotarySettings;
  /** Factor on q k^T: 1 / sqrt(query_pre_attn_scalar). */
  readonly scoreScale: number;
  readonly scoreSoftcap: number | undefined;
  readonly hasFeedForwardBias: boolean;
}

const EMBEDDING = "model.embed_tokens.weight";

/** What both families read alike. */
export function readGemmaConfig(
  family: string,
  config: HuggingFaceConfig,
  defaults: { readonly maxPositions: number; readonly finalSoftcap: number | undefined },
): Omit<GemmaConfig, "layerWindows" | "globalRotary" | "localRotary" | "scoreSoftcap" | "hasQueryKeyNorm"> {
  requireOneOf(family, config, "hidden_activation", ["gelu_pytorch_tanh", undefined]);
  requireOneOf(family, config, "use_bidirectional_attention", [false, undefined]);
  const scalar = readNumber(family, config, "query_pre_attn_scalar", 256);
  if (scalar <= 0) throw unsupported(family, "query_pre_attn_scalar", scalar, "a positive number");
  return {
    ...readDecoderSizes(family, config, {
      maxPositions: defaults.maxPositions,
      numKeyValueHeads: 4,
      headWidth: 256,
      hasTiedEmbeddings: true,
    }),
    attentionBias: readBoolean(family, config, "attention_bias", false) ? "qkvo" : "none",
    hasFeedForwardBias: false,
    scoreScale: 1 / Math.sqrt(scalar),
    finalSoftcap: readOptionalNumber(family, config, "final_logit_softcapping", defaults.finalSoftcap),
  };
}

function gemmaSpecs(config: GemmaConfig): ParameterSpecs {
  const { hiddenSize, initializerRange: std } = config;
  const specs: Record<string, ParameterSpecs[string]> = {
    [EMBEDDING]: matrix(config.vocabularySize, hiddenSize, std),
  };
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `model.layers.${layer}`;
    Object.assign(specs, selfAttentionSpecs(`${name}.self_attn`, config, std, 0), {
      ...gatedFeedForwardSpecs(`${name}.mlp`, config, std),
      [`${name}.input_layernorm.weight`]: vector(hiddenSize, 0),
      [`${name}.post_attention_layernorm.weight`]: vector(hiddenSize, 0),
      [`${name}.pre_feedforward_layernorm.weight`]: vector(hiddenSize, 0),
      [`${name}.post_feedforward_layernorm.weight`]: vector(hiddenSize, 0),
    });
  }
  specs["model.norm.weight"] = vector(hiddenSize, 0);
  if (!config.hasTiedEmbeddings) specs[HEAD] = matrix(config.vocabularySize, hiddenSize, std);
  return specs;
}

/** Rotations of global and local layers; one where both turn alike. */
function rotations(config: GemmaConfig, inputs: DecoderInputs): { global: Rotate; local: Rotate } {
  const { globalRotary, localRotary, headWidth, layerWindows, maxPositions } = config;
  const rotate = (rotary: RotarySettings): Rotate =>
    rotaryEmbedding(rotary, headWidth, inputs.positionIds, inputs.positions ?? maxPositions);
  const global = rotate(globalRotary);
  const isShared = globalRotary === localRotary || layerWindows.every((window) => window === undefined);
  return { global, local: isShared ? global : rotate(localRotary) };
}

/** The decoder's final-norm hidden states f32 [B, T, H]. */
function gemmaDecoder(
  config: GemmaConfig,
  parameters: ParameterValues,
  inputs: DecoderInputs,
  { isTraining = false }: DecoderOptions = {},
): Value {
  const { global, local } = rotations(config, inputs);
  const attend = attendTo(inputs);
  const { scoreScale: scale, scoreSoftcap: softcap } = config;
  const dropout = isTraining ? config.attentionDropout : 0;
  const norm = (name: string, x: Value): Value => {
    const weight = parameters(`${name}.weight`);
    return ops.rmsNorm(x, ops.add(weight, ops.scalarLike(weight, 1)), config.rmsNormEpsilon);
  };
  const embedded = lookUp(parameters(EMBEDDING), inputs.inputIds);
  const layer = (x: Value, index: number, window: number | undefined): Value => {
    const name = `model.layers.${index}`;
    const mixed = selfAttention(parameters, `${name}.self_attn`, norm(`${name}.input_layernorm`, x), config, {
      norm,
      rotate: window === undefined ? global : local,
      attend: (q, k, v) => attend({ index, window, scale, softcap, dropout }, q, k, v),
    });
    const attended = ops.add(x, norm(`${name}.post_attention_layernorm`, mixed));
    const inner = norm(`${name}.pre_feedforward_layernorm`, attended);
    const fed = gatedFeedForward(parameters, `${name}.mlp`, inner, config, ops.geluTanh);
    return ops.add(attended, norm(`${name}.post_feedforward_layernorm`, fed));
  };
  const last = config.layerWindows.reduce(
    (x, window, index) => x.graph.region("layer", () => layer(x, index, window)),
    ops.mul(embedded, ops.scalarLike(embedded, Math.sqrt(config.hiddenSize))),
  );
  return norm("model.norm", last);
}

/** The family but for its configuration. */
export const GEMMA: Omit<CausalFamily<GemmaConfig>, "parseConfig"> = {
  specs: gemmaSpecs,
  decoder: gemmaDecoder,
  prefix: "model.",
  embedding: EMBEDDING,
};
