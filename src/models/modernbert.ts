/**
 * ModernBERT encoders (arXiv 2412.13663), driven by the Hugging Face config.json: pre-norm layers, GeGLU, rotary
 * positions, and global layers among local ones that see a window of positions, each kind with its own rotary base.
 *
 * Parameter names are those of the checkpoints. B batch, T tokens, H hidden size, D head width.
 */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { attention, mergeHeads, splitFusedHeads } from "../nn/attention.ts";
import { dropout, linear, lookUp } from "../nn/layers.ts";
import { localWindowBias } from "../nn/masks.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/parameters.ts";
import { type Rotate, rotaryEmbedding } from "../nn/rotary.ts";
import type { RotarySettings } from "../nn/rotary-frequencies.ts";
import {
  type HuggingFaceConfig,
  readBoolean,
  readCount,
  readNumber,
  readProbability,
  requireOneOf,
  unsupported,
} from "./config.ts";
import { readLayerWindows, refuseForeignParts } from "./decoder-config.ts";
import type {
  EncoderClassificationHead,
  EncoderConfig,
  EncoderFamily,
  EncoderInputs,
  EncoderOptions,
  MaskedLanguageHead,
} from "./encoder-model.ts";
import { type LayerRotaryKeys, readLayerRotary } from "./rotary-config.ts";

export interface ModernBertConfig extends EncoderConfig {
  readonly intermediateSize: number;
  /** One entry a layer: how many positions it sees on each side of a token; undefined sees all. */
  readonly layerReaches: readonly (number | undefined)[];
  readonly globalRotary: RotarySettings;
  readonly localRotary: RotarySettings;
  readonly hasAttentionBias: boolean;
  readonly hasFeedForwardBias: boolean;
  readonly hasNormBias: boolean;
  /** Of the dense layer that both heads have. */
  readonly hasHeadBias: boolean;
  /** Of the projection onto the vocabulary. */
  readonly hasDecoderBias: boolean;
  readonly pooling: "cls" | "mean";
  readonly embeddingDropout: number;
  /** Of the attention weights and of what attention adds to the residual stream. */
  readonly attentionDropout: number;
  readonly feedForwardDropout: number;
  readonly classifierDropout: number;
  readonly initializerRange: number;
}

const FAMILY = "modernbert";
const EMBEDDING = "model.embeddings.tok_embeddings.weight";
const ROTARY_KEYS: LayerRotaryKeys = {
  global: ["global_rope_theta", 160_000],
  local: ["local_rope_theta", 10_000],
  scalesLocal: true,
};

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseModernBertConfig(config: HuggingFaceConfig): ModernBertConfig {
  requireOneOf(FAMILY, config, "model_type", [FAMILY]);
  requireOneOf(FAMILY, config, "hidden_activation", ["gelu", undefined]);
  requireOneOf(FAMILY, config, "classifier_activation", ["gelu", undefined]);
  requireOneOf(FAMILY, config, "classifier_pooling", ["cls", "mean", undefined]);
  requireOneOf(FAMILY, config, "is_decoder", [false, undefined]);
  refuseForeignParts(FAMILY, config);
  const count = (key: string, fallback?: number): number => readCount(FAMILY, config, key, fallback);
  const isTrue = (key: string, fallback = false): boolean => readBoolean(FAMILY, config, key, fallback);
  const probability = (key: string): number => readProbability(FAMILY, config, key, 0);
  const [hiddenSize, numHeads, numLayers] = [
    count("hidden_size"),
    count("num_attention_heads"),
    count("num_hidden_layers"),
  ];
  if (hiddenSize % (2 * numHeads) !== 0) {
    throw unsupported(FAMILY, "num_attention_heads", numHeads, `a number of even parts of ${hiddenSize}`);
  }
  return {
    vocabularySize: count("vocab_size"),
    hiddenSize,
    numLayers,
    numHeads,
    intermediateSize: count("intermediate_size"),
    maxPositions: count("max_position_embeddings"),
    tokenTypes: 0,
    layerNormEpsilon: readNumber(FAMILY, config, "norm_eps", 1e-5),
    hasTiedEmbeddings: isTrue("tie_word_embeddings", true),
    layerReaches: readReaches(config, numLayers),
    ...readRotaries(config),
    hasAttentionBias: isTrue("attention_bias"),
    hasFeedForwardBias: isTrue("mlp_bias"),
    hasNormBias: isTrue("norm_bias"),
    hasHeadBias: isTrue("classifier_bias"),
    hasDecoderBias: isTrue("decoder_bias", true),
    pooling: config.classifier_pooling === "mean" ? "mean" : "cls",
    embeddingDropout: probability("embedding_dropout"),
    attentionDropout: probability("attention_dropout"),
    feedForwardDropout: probability("mlp_dropout"),
    classifierDropout: probability("classifier_dropout"),
    initializerRange: readNumber(FAMILY, config, "initializer_range", 0.02),
  };
}

/** `local_attention` counts a window of both sides; the first of every `global_attn_every_n_layers` layers is global. */
function readReaches(config: HuggingFaceConfig, numLayers: number): (number | undefined)[] {
  const reach = Math.floor(readCount(FAMILY, config, "local_attention", 128) / 2);
  // In transformers another name of half the window.
  requireOneOf(FAMILY, config, "sliding_window", [reach, undefined]);
  const every = readCount(FAMILY, config, "global_attn_every_n_layers", 3);
  return readLayerWindows(FAMILY, config, numLayers, reach, (layer) => layer % every !== 0);
}

/** A null base of the local layers, as the first releases wrote it, means that of the global ones. */
function readRotaries(config: HuggingFaceConfig): Pick<ModernBertConfig, "globalRotary" | "localRotary"> {
  const isShared = config.local_rope_theta === null;
  const local = isShared ? { local_rope_theta: config.global_rope_theta ?? ROTARY_KEYS.global[1] } : {};
  return readLayerRotary(FAMILY, { ...config, ...local }, ROTARY_KEYS);
}

/** A linear or normalisation layer: its weight and, where it has one, its bias. */
function layerSpecs(name: string, weight: ParameterSpecs[string], hasBias: boolean): ParameterSpecs {
  return { [`${name}.weight`]: weight, ...(hasBias && { [`${name}.bias`]: vector(weight.shape[0]!, 0) }) };
}

export function modernBertSpecs(config: ModernBertConfig): ParameterSpecs {
  const { hiddenSize, intermediateSize, hasNormBias, initializerRange: std } = config;
  const { hasAttentionBias, hasFeedForwardBias } = config;
  const outputStd = residualStd(config);
  const norm = (name: string): ParameterSpecs => layerSpecs(name, vector(hiddenSize, 1), hasNormBias);
  const specs: Record<string, ParameterSpecs[string]> = {
    [EMBEDDING]: matrix(config.vocabularySize, hiddenSize, std),
    ...norm("model.embeddings.norm"),
  };
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `model.layers.${layer}`;
    Object.assign(
      specs,
      layer > 0 ? norm(`${name}.attn_norm`) : {},
      layerSpecs(`${name}.attn.Wqkv`, matrix(3 * hiddenSize, hiddenSize, std), hasAttentionBias),
      layerSpecs(`${name}.attn.Wo`, matrix(hiddenSize, hiddenSize, outputStd), hasAttentionBias),
      norm(`${name}.mlp_norm`),
      layerSpecs(`${name}.mlp.Wi`, matrix(2 * intermediateSize, hiddenSize, std), hasFeedForwardBias),
      layerSpecs(`${name}.mlp.Wo`, matrix(hiddenSize, intermediateSize, outputStd), hasFeedForwardBias),
    );
  }
  return { ...specs, ...norm("model.final_norm") };
}

/** Projections onto the residual stream start smaller, by the number of them. */
const residualStd = ({ initializerRange, numLayers }: ModernBertConfig): number =>
  initializerRange / Math.sqrt(2 * numLayers);

/** The layers of one graph by name, with the biases that the configuration gives them. */
function layersOf(config: ModernBertConfig, parameters: ParameterValues, graph: Graph) {
  let zeros: Value | undefined;
  const noBias = (width: number): Value =>
    (zeros ??= graph.constant("float32", [width], new Float32Array(width)));
  return {
    project: (name: string, x: Value, hasBias: boolean): Value =>
      linear(x, parameters(`${name}.weight`), hasBias ? parameters(`${name}.bias`) : undefined),
    norm: (name: string, x: Value): Value => {
      const bias = config.hasNormBias ? parameters(`${name}.bias`) : noBias(config.hiddenSize);
      return ops.layerNorm(x, parameters(`${name}.weight`), bias, config.layerNormEpsilon);
    },
  };
}

interface LayerAttention {
  readonly bias: Value;
  readonly rotate: Rotate;
}

/** Bias and rotation of every layer; layers of one reach share them. */
function layerAttentions(config: ModernBertConfig, inputs: EncoderInputs): LayerAttention[] {
  const made = new Map<number | undefined, LayerAttention>();
  const make = (reach: number | undefined): LayerAttention => {
    const { attentionBias, positionIds, positions = config.maxPositions } = inputs;
    const rotary = reach === undefined ? config.globalRotary : config.localRotary;
    return {
      bias: reach === undefined ? attentionBias : localWindowBias(attentionBias, positionIds, reach),
      rotate: rotaryEmbedding(rotary, config.hiddenSize / config.numHeads, positionIds, positions),
    };
  };
  return config.layerReaches.map((reach) => {
    const attend = made.get(reach) ?? make(reach);
    made.set(reach, attend);
    return attend;
  });
}

/** The encoder's final-norm hidden states f32 [B, T, H]. */
export function modernBertEncoder(
  config: ModernBertConfig,
  parameters: ParameterValues,
  inputs: EncoderInputs,
  { isTraining = false }: EncoderOptions = {},
): Value {
  const { intermediateSize, numHeads, hasAttentionBias, hasFeedForwardBias } = config;
  const { project, norm } = layersOf(config, parameters, inputs.inputIds.graph);
  const drop = (x: Value, probability: number): Value => dropout(x, isTraining ? probability : 0);
  const mix = (x: Value, name: string, { bias, rotate }: LayerAttention): Value => {
    const fused = project(`${name}.Wqkv`, x, hasAttentionBias);
    const [q, k, v] = splitFusedHeads(fused, numHeads);
    const mixed = attention(rotate(q), rotate(k), v, bias, isTraining ? config.attentionDropout : 0);
    return drop(project(`${name}.Wo`, mergeHeads(mixed), hasAttentionBias), config.attentionDropout);
  };
  const feedForward = (x: Value, name: string): Value => {
    const [input, gate] = ops.split(project(`${name}.Wi`, x, hasFeedForwardBias), -1, [
      intermediateSize,
      intermediateSize,
    ]) as [Value, Value];
    const gated = drop(ops.mul(ops.gelu(input), gate), config.feedForwardDropout);
    return project(`${name}.Wo`, gated, hasFeedForwardBias);
  };
  const layer = (x: Value, index: number, attend: LayerAttention): Value => {
    const name = `model.layers.${index}`;
    // The first layer reads the normalised embeddings as they are.
    const attended = ops.add(x, mix(index > 0 ? norm(`${name}.attn_norm`, x) : x, `${name}.attn`, attend));
    return ops.add(attended, feedForward(norm(`${name}.mlp_norm`, attended), `${name}.mlp`));
  };
  const embedded = norm("model.embeddings.norm", lookUp(parameters(EMBEDDING), inputs.inputIds));
  const last = layerAttentions(config, inputs).reduce(
    (x, attend, index) => x.graph.region("layer", () => layer(x, index, attend)),
    drop(embedded, config.embeddingDropout),
  );
  return norm("model.final_norm", last);
}

/** Dense layer, GELU and norm: the beginning of both heads. */
function headSpecs(config: ModernBertConfig): ParameterSpecs {
  const { hiddenSize } = config;
  return {
    ...layerSpecs("head.dense", matrix(hiddenSize, hiddenSize, residualStd(config)), config.hasHeadBias),
    ...layerSpecs("head.norm", vector(hiddenSize, 1), config.hasNormBias),
  };
}

function headTransform(config: ModernBertConfig, parameters: ParameterValues, hidden: Value): Value {
  const { project, norm } = layersOf(config, parameters, hidden.graph);
  return norm("head.norm", ops.gelu(project("head.dense", hidden, config.hasHeadBias)));
}

function maskedHead(config: ModernBertConfig): MaskedLanguageHead {
  const { vocabularySize, hiddenSize, hasTiedEmbeddings, hasDecoderBias } = config;
  const table = hasTiedEmbeddings ? EMBEDDING : "decoder.weight";
  return {
    specs: {
      ...headSpecs(config),
      ...(!hasTiedEmbeddings && { [table]: matrix(vocabularySize, hiddenSize, residualStd(config)) }),
      ...(hasDecoderBias && { "decoder.bias": vector(vocabularySize, 0) }),
    },
    transform: (parameters, hidden) => headTransform(config, parameters, hidden),
    weight: (parameters) => parameters(table),
    bias: (parameters) => (hasDecoderBias ? parameters("decoder.bias") : undefined),
  };
}

function classificationHead(config: ModernBertConfig): EncoderClassificationHead {
  const { hiddenSize, pooling } = config;
  return {
    pooling,
    specs: (labels) => ({
      ...headSpecs(config),
      ...layerSpecs("classifier", matrix(labels, hiddenSize, 1 / Math.sqrt(hiddenSize)), true),
    }),
    logits: (parameters, pooled, { isTraining = false } = {}) => {
      const ready = dropout(
        headTransform(config, parameters, pooled),
        isTraining ? config.classifierDropout : 0,
      );
      return linear(ready, parameters("classifier.weight"), parameters("classifier.bias"));
    },
  };
}

export const MODERNBERT: EncoderFamily<ModernBertConfig> = {
  parseConfig: parseModernBertConfig,
  specs: modernBertSpecs,
  encode: modernBertEncoder,
  prefix: "model.",
  embedding: EMBEDDING,
  maskedHead,
  classificationHead,
};
