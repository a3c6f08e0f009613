/**
 * T5 encoder-decoders (arXiv 1910.10683) and T5 v1.1 / Flan-T5 (gated GELU of arXiv 2002.05202, head of its own), driven by
 * the Hugging Face config.json; parameter names as in the checkpoints. Relative positions learned in the first layer of
 * each stack serve all its layers, scores are not scaled, norms neither centre nor shift, nothing has a bias.
 *
 * B batch, S source tokens, T target tokens, H hidden size, N heads, D head width.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { attention, mergeHeads, splitHeads } from "../nn/attention.ts";
import { dropout, linear, lookUp } from "../nn/layers.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/parameters.ts";
import { relativePositionBias } from "../nn/relative-position.ts";
import { HEAD } from "./causal-model.ts";
import {
  attendToThemselves,
  type EncoderMemory,
  type KeysAndValues,
  type Seq2SeqFamily,
  type Seq2SeqOptions,
  type SourceInputs,
  type TargetInputs,
} from "./seq2seq-model.ts";
import { parseT5Config, T5_ACTIVATIONS, type T5Config } from "./t5-config.ts";

const EMBEDDING = "shared.weight";

type Stack = "encoder" | "decoder";
const SELF = "layer.0.SelfAttention";
const CROSS = "layer.1.EncDecAttention";
const feedForwardLayer = (stack: Stack): string => (stack === "encoder" ? "layer.1" : "layer.2");

function attentionSpecs(name: string, config: T5Config): ParameterSpecs {
  const { hiddenSize, numHeads, headWidth, initializerFactor: factor } = config;
  const inner = numHeads * headWidth;
  const std = factor / Math.sqrt(hiddenSize);
  return {
    [`${name}.q.weight`]: matrix(inner, hiddenSize, std / Math.sqrt(headWidth)),
    [`${name}.k.weight`]: matrix(inner, hiddenSize, std),
    [`${name}.v.weight`]: matrix(inner, hiddenSize, std),
    [`${name}.o.weight`]: matrix(hiddenSize, inner, factor / Math.sqrt(inner)),
  };
}

function feedForwardSpecs(name: string, config: T5Config): ParameterSpecs {
  const { hiddenSize, feedForwardSize, isGated, initializerFactor: factor } = config;
  const inner = matrix(feedForwardSize, hiddenSize, factor / Math.sqrt(hiddenSize));
  return {
    ...(isGated
      ? { [`${name}.wi_0.weight`]: inner, [`${name}.wi_1.weight`]: inner }
      : { [`${name}.wi.weight`]: inner }),
    [`${name}.wo.weight`]: matrix(hiddenSize, feedForwardSize, factor / Math.sqrt(feedForwardSize)),
  };
}

function t5Specs(config: T5Config): ParameterSpecs {
  const { hiddenSize, vocabularySize, numHeads, relativeBuckets, initializerFactor: factor } = config;
  const norm = vector(hiddenSize, factor);
  const specs: Record<string, ParameterSpecs[string]> = {
    [EMBEDDING]: matrix(vocabularySize, hiddenSize, factor),
  };
  const addStack = (stack: Stack, layers: number): void => {
    for (let index = 0; index < layers; index++) {
      const name = `${stack}.block.${index}`;
      Object.assign(specs, attentionSpecs(`${name}.${SELF}`, config));
      if (index === 0) {
        const table = matrix(relativeBuckets, numHeads, factor / Math.sqrt(hiddenSize));
        specs[`${name}.${SELF}.relative_attention_bias.weight`] = table;
      }
      specs[`${name}.layer.0.layer_norm.weight`] = norm;
      if (stack === "decoder") {
        Object.assign(specs, attentionSpecs(`${name}.${CROSS}`, config));
        specs[`${name}.layer.1.layer_norm.weight`] = norm;
      }
      const last = `${name}.${feedForwardLayer(stack)}`;
      Object.assign(specs, feedForwardSpecs(`${last}.DenseReluDense`, config));
      specs[`${last}.layer_norm.weight`] = norm;
    }
    specs[`${stack}.final_layer_norm.weight`] = norm;
  };
  addStack("encoder", config.numEncoderLayers);
  addStack("decoder", config.numDecoderLayers);
  if (!config.hasTiedEmbeddings) specs[HEAD] = matrix(vocabularySize, hiddenSize, factor);
  return specs;
}

/** The parts of a stack under one set of parameters and options. */
function partsOf(config: T5Config, parameters: ParameterValues, { isTraining = false }: Seq2SeqOptions = {}) {
  const probability = isTraining ? config.dropout : 0;
  const drop = (x: Value): Value => dropout(x, probability);
  const project = (name: string, x: Value): Value => linear(x, parameters(`${name}.weight`));
  const heads = (name: string, x: Value): Value => splitHeads(project(name, x), config.numHeads);
  const norm = (name: string, x: Value): Value =>
    ops.rmsNorm(x, parameters(`${name}.weight`), config.layerNormEpsilon);
  const relativeBias = (stack: Stack, queries: Value, keys: Value): Value =>
    relativePositionBias(
      parameters(`${stack}.block.0.${SELF}.relative_attention_bias.weight`),
      queries,
      keys,
      {
        buckets: config.relativeBuckets,
        maxDistance: config.maxDistance,
        isBidirectional: stack === "encoder",
      },
    );
  /** x + dropout(inner(norm(x))), the layer stored under `name`. */
  const residual = (name: string, x: Value, inner: (normed: Value) => Value): Value =>
    ops.add(x, drop(inner(norm(`${name}.layer_norm`, x))));
  const feedForward = (name: string, x: Value): Value =>
    residual(name, x, (normed) => {
      const dense = `${name}.DenseReluDense`;
      const activation = T5_ACTIVATIONS[config.activation];
      const inner = config.isGated
        ? ops.mul(activation(project(`${dense}.wi_0`, normed)), project(`${dense}.wi_1`, normed))
        : activation(project(`${dense}.wi`, normed));
      return project(`${dense}.wo`, drop(inner));
    });
  const embed = (ids: Value): Value => drop(lookUp(parameters(EMBEDDING), ids));
  const finish = (stack: Stack, x: Value): Value => drop(norm(`${stack}.final_layer_norm`, x));
  return { probability, project, heads, relativeBias, residual, feedForward, embed, finish };
}

/** Runs `layer` over the blocks of a stack, each a region that a backward pass may compute again. */
function runBlocks(layers: number, start: Value, layer: (x: Value, index: number) => Value): Value {
  let x = start;
  for (let index = 0; index < layers; index++) {
    const before = x;
    x = x.graph.region("layer", () => layer(before, index));
  }
  return x;
}

function t5Encode(
  config: T5Config,
  parameters: ParameterValues,
  { inputIds, positionIds, attentionBias }: SourceInputs,
  options?: Seq2SeqOptions,
): Value {
  const parts = partsOf(config, parameters, options);
  const bias = ops.add(parts.relativeBias("encoder", positionIds, positionIds), attentionBias);
  const last = runBlocks(config.numEncoderLayers, parts.embed(inputIds), (x, index) => {
    const name = `encoder.block.${index}`;
    const attended = parts.residual(`${name}.layer.0`, x, (normed) => {
      const [q, k, v] = ["q", "k", "v"].map((part) => parts.heads(`${name}.${SELF}.${part}`, normed));
      const mixed = attention(q!, k!, v!, bias, parts.probability, { scale: 1 });
      return parts.project(`${name}.${SELF}.o`, mergeHeads(mixed));
    });
    return parts.feedForward(`${name}.${feedForwardLayer("encoder")}`, attended);
  });
  return parts.finish("encoder", last);
}

function keysAndValues({ heads }: ReturnType<typeof partsOf>, hidden: Value, layer: number): KeysAndValues {
  const name = `decoder.block.${layer}.${CROSS}`;
  return { keys: heads(`${name}.k`, hidden), values: heads(`${name}.v`, hidden) };
}

function t5Memory(config: T5Config, parameters: ParameterValues, hidden: Value): readonly KeysAndValues[] {
  const parts = partsOf(config, parameters);
  return Array.from({ length: config.numDecoderLayers }, (_, layer) => keysAndValues(parts, hidden, layer));
}

function t5Decode(
  config: T5Config,
  parameters: ParameterValues,
  memory: EncoderMemory,
  inputs: TargetInputs,
  options?: Seq2SeqOptions,
): Value {
  const { inputIds, positionIds, keyPositionIds = positionIds, attend = attendToThemselves } = inputs;
  const parts = partsOf(config, parameters, options);
  const { probability } = parts;
  const bias = ops.add(parts.relativeBias("decoder", positionIds, keyPositionIds), inputs.attentionBias);
  const last = runBlocks(config.numDecoderLayers, parts.embed(inputIds), (x, index) => {
    const name = `decoder.block.${index}`;
    const attended = parts.residual(`${name}.layer.0`, x, (normed) => {
      const [q, k, v] = ["q", "k", "v"].map((part) => parts.heads(`${name}.${SELF}.${part}`, normed));
      const mixed = attend({ index, scale: 1, dropout: probability }, q!, k!, v!, bias);
      return parts.project(`${name}.${SELF}.o`, mergeHeads(mixed));
    });
    const informed = parts.residual(`${name}.layer.1`, attended, (normed) => {
      const { keys, values } = "graph" in memory ? keysAndValues(parts, memory, index) : memory[index]!;
      const q = parts.heads(`${name}.${CROSS}.q`, normed);
      const mixed = attention(q, keys, values, inputs.memoryBias, probability, { scale: 1 });
      return parts.project(`${name}.${CROSS}.o`, mergeHeads(mixed));
    });
    return parts.feedForward(`${name}.${feedForwardLayer("decoder")}`, informed);
  });
  return parts.finish("decoder", last);
}

export const T5: Seq2SeqFamily<T5Config> = {
  parseConfig: parseT5Config,
  specs: t5Specs,
  encode: t5Encode,
  memory: t5Memory,
  decode: t5Decode,
  names: {
    embedding: EMBEDDING,
    embeddingCopies: ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"],
    // Left over in the first checkpoints: cross-attention knows no positions.
    unused: [`decoder.block.0.${CROSS}.relative_attention_bias.weight`],
  },
  withOwnHead: (config) => ({
    ...config,
    tie_word_embeddings: false,
    scale_decoder_outputs: config.scale_decoder_outputs ?? true,
  }),
};
