/**
 * BERT encoders (arXiv 1810.04805) and MiniLM (arXiv 2002.10957), driven by the Hugging Face config.json.
 *
 * Parameter names are those of the checkpoints. B batch, T tokens, H hidden size.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { attention, mergeHeads, splitHeads } from "../nn/attention.ts";
import {
  dropout,
  layerNormSpecs,
  linear,
  linearSpecs,
  lookUp,
  namedLayerNorm,
  namedLinear,
} from "../nn/layers.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/parameters.ts";
import {
  type HuggingFaceConfig,
  readBoolean,
  readCount,
  readNotNegative,
  readProbability,
  requireOneOf,
  unsupported,
} from "./config.ts";
import { refuseForeignParts } from "./decoder-config.ts";
import type {
  EncoderClassificationHead,
  EncoderConfig,
  EncoderFamily,
  EncoderInputs,
  EncoderOptions,
  MaskedLanguageHead,
} from "./encoder-model.ts";

export interface BertConfig extends EncoderConfig {
  readonly intermediateSize: number;
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  /** Dropout before the output layer of the classification head. */
  readonly classifierDropout: number;
  readonly initializerRange: number;
}

const PREFIX = "bert.";
const EMBEDDING = "embeddings.word_embeddings.weight";

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseBertConfig(config: HuggingFaceConfig): BertConfig {
  requireOneOf("bert", config, "model_type", ["bert"]);
  requireOneOf("bert", config, "hidden_act", ["gelu", undefined]);
  requireOneOf("bert", config, "position_embedding_type", ["absolute", undefined]);
  requireOneOf("bert", config, "is_decoder", [false, undefined]);
  refuseForeignParts("bert", config);
  const count = (key: string, fallback?: number): number => readCount("bert", config, key, fallback);
  const number = (key: string, fallback: number): number => readNotNegative("bert", config, key, fallback);
  const probability = (key: string, fallback: number): number =>
    readProbability("bert", config, key, fallback);
  const hiddenSize = count("hidden_size");
  const numHeads = count("num_attention_heads");
  if (hiddenSize % numHeads !== 0) {
    throw unsupported("bert", "num_attention_heads", numHeads, `a divisor of ${hiddenSize}`);
  }
  const hiddenDropout = probability("hidden_dropout_prob", 0.1);
  return {
    vocabularySize: count("vocab_size"),
    hiddenSize,
    numLayers: count("num_hidden_layers"),
    numHeads,
    intermediateSize: count("intermediate_size"),
    maxPositions: count("max_position_embeddings"),
    tokenTypes: count("type_vocab_size", 2),
    layerNormEpsilon: number("layer_norm_eps", 1e-12),
    hasTiedEmbeddings: readBoolean("bert", config, "tie_word_embeddings", true),
    hiddenDropout,
    attentionDropout: probability("attention_probs_dropout_prob", 0.1),
    classifierDropout: probability("classifier_dropout", hiddenDropout),
    initializerRange: number("initializer_range", 0.02),
  };
}

/** The config.json that describes `config`, for checkpoints written by Tutti. */
export function bertConfigJson(config: BertConfig): HuggingFaceConfig {
  return {
    model_type: "bert",
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.numLayers,
    num_attention_heads: config.numHeads,
    intermediate_size: config.intermediateSize,
    hidden_act: "gelu",
    max_position_embeddings: config.maxPositions,
    type_vocab_size: config.tokenTypes,
    layer_norm_eps: config.layerNormEpsilon,
    hidden_dropout_prob: config.hiddenDropout,
    attention_probs_dropout_prob: config.attentionDropout,
    classifier_dropout: config.classifierDropout,
    initializer_range: config.initializerRange,
    tie_word_embeddings: config.hasTiedEmbeddings,
  };
}

/** Parameters of the encoder; `prefix` is "bert." in checkpoints with a head, "" in bare encoders. */
export function bertSpecs(config: BertConfig, prefix = ""): ParameterSpecs {
  const { hiddenSize, intermediateSize, initializerRange: std } = config;
  const specs: Record<string, ParameterSpecs[string]> = {
    [prefix + EMBEDDING]: matrix(config.vocabularySize, hiddenSize, std),
    [`${prefix}embeddings.position_embeddings.weight`]: matrix(config.maxPositions, hiddenSize, std),
    [`${prefix}embeddings.token_type_embeddings.weight`]: matrix(config.tokenTypes, hiddenSize, std),
    ...layerNormSpecs(`${prefix}embeddings.LayerNorm`, hiddenSize),
  };
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `${prefix}encoder.layer.${layer}`;
    Object.assign(
      specs,
      linearSpecs(`${name}.attention.self.query`, hiddenSize, hiddenSize, std),
      linearSpecs(`${name}.attention.self.key`, hiddenSize, hiddenSize, std),
      linearSpecs(`${name}.attention.self.value`, hiddenSize, hiddenSize, std),
      linearSpecs(`${name}.attention.output.dense`, hiddenSize, hiddenSize, std),
      layerNormSpecs(`${name}.attention.output.LayerNorm`, hiddenSize),
      linearSpecs(`${name}.intermediate.dense`, hiddenSize, intermediateSize, std),
      linearSpecs(`${name}.output.dense`, intermediateSize, hiddenSize, std),
      layerNormSpecs(`${name}.output.LayerNorm`, hiddenSize),
    );
  }
  return specs;
}

const TRANSFORM = "cls.predictions.transform";
/** With an own projection, transformers reads the bias beside it and leaves the other one unused. */
const biasName = (config: BertConfig): string =>
  config.hasTiedEmbeddings ? "cls.predictions.bias" : "cls.predictions.decoder.bias";

/** Parameters of the masked-language-model head; a tied projection is the encoder's table of word embeddings. */
export function bertMlmHeadSpecs(config: BertConfig): ParameterSpecs {
  const { hiddenSize, vocabularySize, initializerRange: std } = config;
  return {
    ...linearSpecs(`${TRANSFORM}.dense`, hiddenSize, hiddenSize, std),
    ...layerNormSpecs(`${TRANSFORM}.LayerNorm`, hiddenSize),
    ...(!config.hasTiedEmbeddings && {
      "cls.predictions.decoder.weight": matrix(vocabularySize, hiddenSize, std),
    }),
    [biasName(config)]: vector(vocabularySize, 0),
  };
}

/** See {@link EncoderInputs}; all tokens are of type 0 where `tokenTypeIds` is absent. */
export type BertInputs = EncoderInputs;

/** Rows of the token types [B, T, H], or the one row [H] of type 0. */
function tokenTypeRows(table: Value, tokenTypeIds: Value | undefined): Value {
  if (tokenTypeIds) return ops.gatherRows(table, tokenTypeIds);
  return ops.reshape(ops.slice(table, 0, 0, 1), [table.shape[1]!]);
}

/** The encoder: final hidden states f32 [B, T, H]. Dropout applies only when `isTraining`. */
export function bertEncoder(
  config: BertConfig,
  parameters: ParameterValues,
  inputs: BertInputs,
  { isTraining = false, prefix = "" }: EncoderOptions & { readonly prefix?: string } = {},
): Value {
  const hiddenDropout = isTraining ? config.hiddenDropout : 0;
  const attentionDropout = isTraining ? config.attentionDropout : 0;
  const table = (kind: string): Value => parameters(`${prefix}embeddings.${kind}_embeddings.weight`);
  const embedded = ops.add(
    ops.add(lookUp(table("word"), inputs.inputIds), tokenTypeRows(table("token_type"), inputs.tokenTypeIds)),
    ops.gatherRows(table("position"), inputs.positionIds),
  );
  const norm = (name: string, x: Value): Value =>
    namedLayerNorm(parameters, `${prefix}${name}.LayerNorm`, x, config.layerNormEpsilon);
  const transform = (x: Value, layer: number): Value => {
    const name = `encoder.layer.${layer}`;
    const project = (part: string, value: Value): Value =>
      namedLinear(parameters, `${prefix}${name}.${part}`, value);
    const heads = (part: string): Value => splitHeads(project(`attention.self.${part}`, x), config.numHeads);
    const mixed = attention(
      heads("query"),
      heads("key"),
      heads("value"),
      inputs.attentionBias,
      attentionDropout,
    );
    const attended = dropout(project("attention.output.dense", mergeHeads(mixed)), hiddenDropout);
    const first = norm(`${name}.attention.output`, ops.add(attended, x));
    const inner = ops.gelu(project("intermediate.dense", first));
    return norm(`${name}.output`, ops.add(dropout(project("output.dense", inner), hiddenDropout), first));
  };
  let x = dropout(norm("embeddings", embedded), hiddenDropout);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const previous = x;
    x = x.graph.region("layer", () => transform(previous, layer));
  }
  return x;
}

/** The head's transform: hidden [..., H] -> [..., H], before the projection. */
export function bertMlmTransform(config: BertConfig, parameters: ParameterValues, hidden: Value): Value {
  const dense = ops.gelu(namedLinear(parameters, `${TRANSFORM}.dense`, hidden));
  return namedLayerNorm(parameters, `${TRANSFORM}.LayerNorm`, dense, config.layerNormEpsilon);
}

/** Logits over the vocabulary, [..., V]; for training use the chunked loss instead. */
export function bertMlmLogits(config: BertConfig, parameters: ParameterValues, hidden: Value): Value {
  const head = maskedHead(config);
  return linear(head.transform(parameters, hidden), head.weight(parameters), head.bias(parameters));
}

function maskedHead(config: BertConfig): MaskedLanguageHead {
  const table = config.hasTiedEmbeddings ? PREFIX + EMBEDDING : "cls.predictions.decoder.weight";
  return {
    specs: bertMlmHeadSpecs(config),
    transform: (parameters, hidden) => bertMlmTransform(config, parameters, hidden),
    weight: (parameters) => parameters(table),
    bias: (parameters) => parameters(biasName(config)),
  };
}

/** The pooler belongs to the checkpoint's encoder, but only this head reads it. */
function classificationHead(config: BertConfig): EncoderClassificationHead {
  const { hiddenSize, initializerRange: std } = config;
  return {
    pooling: "cls",
    specs: (labels) => ({
      ...linearSpecs(`${PREFIX}pooler.dense`, hiddenSize, hiddenSize, std),
      ...linearSpecs("classifier", hiddenSize, labels, std),
    }),
    logits: (parameters, pooled, { isTraining = false } = {}) => {
      const dense = ops.tanh(namedLinear(parameters, `${PREFIX}pooler.dense`, pooled));
      return namedLinear(parameters, "classifier", dropout(dense, isTraining ? config.classifierDropout : 0));
    },
  };
}

export const BERT: EncoderFamily<BertConfig> = {
  parseConfig: parseBertConfig,
  specs: (config) => bertSpecs(config, PREFIX),
  encode: (config, parameters, inputs, options) =>
    bertEncoder(config, parameters, inputs, { ...options, prefix: PREFIX }),
  prefix: PREFIX,
  embedding: PREFIX + EMBEDDING,
  maskedHead,
  classificationHead,
};
