/**
 * The two halves of a decoder layer as in Llama, Qwen and Gemma: self-attention on rotary positions and a gated
 * feed-forward layer. Parameter names are those of the checkpoints.
 *
 * B batch, T tokens, H hidden size, N query heads, K key/value heads, D head width.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { mergeHeads, splitHeads } from "./attention.ts";
import { linear } from "./layers.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "./parameters.ts";
import type { Rotate } from "./rotary.ts";

export interface SelfAttentionSettings {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headWidth: number;
  /** Which projections have biases. */
  readonly attentionBias: "none" | "qkv" | "qkvo";
  /** Whether queries and keys are RMS-normalised per head, before the rotation. */
  readonly hasQueryKeyNorm: boolean;
}

export interface GatedFeedForwardSettings {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly hasFeedForwardBias: boolean;
}

const biasOf = (parameters: ParameterValues, name: string, isPresent: boolean): Value | undefined =>
  isPresent ? parameters(`${name}.bias`) : undefined;

function projectionSpecs(
  name: string,
  inputs: number,
  outputs: number,
  std: number,
  hasBias: boolean,
): ParameterSpecs {
  return {
    [`${name}.weight`]: matrix(outputs, inputs, std),
    ...(hasBias && { [`${name}.bias`]: vector(outputs, 0) }),
  };
}

/** Parameters under `${name}.q_proj` and so on; norm weights start at `normStart`. */
export function selfAttentionSpecs(
  name: string,
  settings: SelfAttentionSettings,
  std: number,
  normStart = 1,
): ParameterSpecs {
  const { hiddenSize, headWidth, attentionBias } = settings;
  const queryWidth = settings.numHeads * headWidth;
  const keyWidth = settings.numKeyValueHeads * headWidth;
  const hasBias = attentionBias !== "none";
  return {
    ...projectionSpecs(`${name}.q_proj`, hiddenSize, queryWidth, std, hasBias),
    ...projectionSpecs(`${name}.k_proj`, hiddenSize, keyWidth, std, hasBias),
    ...projectionSpecs(`${name}.v_proj`, hiddenSize, keyWidth, std, hasBias),
    ...projectionSpecs(`${name}.o_proj`, queryWidth, hiddenSize, std, attentionBias === "qkvo"),
    ...(settings.hasQueryKeyNorm && {
      [`${name}.q_norm.weight`]: vector(headWidth, normStart),
      [`${name}.k_norm.weight`]: vector(headWidth, normStart),
    }),
  };
}

/**
 * x [B, T, H] -> [B, T, H].
 *
 * @param norm the layer's normalisation, by parameter name; used only with query and key norms
 * @param attend q [B, N, T, D], k and v [B, K, T, D] -> [B, N, T, D]
 */
export function selfAttention(
  parameters: ParameterValues,
  name: string,
  x: Value,
  settings: SelfAttentionSettings,
  parts: {
    readonly norm: (name: string, x: Value) => Value;
    readonly rotate: Rotate;
    readonly attend: (q: Value, k: Value, v: Value) => Value;
  },
): Value {
  const hasBias = settings.attentionBias !== "none";
  const heads = (part: "q" | "k" | "v", count: number): Value => {
    const projection = `${name}.${part}_proj`;
    const bias = biasOf(parameters, projection, hasBias);
    return splitHeads(linear(x, parameters(`${projection}.weight`), bias), count);
  };
  const turned = (part: "q" | "k", count: number): Value => {
    const plain = heads(part, count);
    return parts.rotate(settings.hasQueryKeyNorm ? parts.norm(`${name}.${part}_norm`, plain) : plain);
  };
  const mixed = parts.attend(
    turned("q", settings.numHeads),
    turned("k", settings.numKeyValueHeads),
    heads("v", settings.numKeyValueHeads),
  );
  const output = `${name}.o_proj`;
  const outputBias = biasOf(parameters, output, settings.attentionBias === "qkvo");
  return linear(mergeHeads(mixed), parameters(`${output}.weight`), outputBias);
}

export function gatedFeedForwardSpecs(
  name: string,
  settings: GatedFeedForwardSettings,
  std: number,
): ParameterSpecs {
  const { hiddenSize, intermediateSize, hasFeedForwardBias } = settings;
  return {
    ...projectionSpecs(`${name}.gate_proj`, hiddenSize, intermediateSize, std, hasFeedForwardBias),
    ...projectionSpecs(`${name}.up_proj`, hiddenSize, intermediateSize, std, hasFeedForwardBias),
    ...projectionSpecs(`${name}.down_proj`, intermediateSize, hiddenSize, std, hasFeedForwardBias),
  };
}

/** down(activation(gate(x)) * up(x)); SwiGLU with SiLU, GeGLU with GELU (arXiv 2002.05202). */
export function gatedFeedForward(
  parameters: ParameterValues,
  name: string,
  x: Value,
  settings: GatedFeedForwardSettings,
  activation: (x: Value) => Value,
): Value {
  const project = (part: string, value: Value): Value => {
    const bias = biasOf(parameters, `${name}.${part}_proj`, settings.hasFeedForwardBias);
    return linear(value, parameters(`${name}.${part}_proj.weight`), bias);
  };
  return project("down", ops.mul(activation(project("gate", x)), project("up", x)));
}
