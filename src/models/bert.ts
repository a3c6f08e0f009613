/**
 * BERT encoders (arXiv 1810.04805) and MiniLM (arXiv 2002.10957), driven by the Hugging Face config.json.
 *
 * Parameter names are those of the checkpoints. B batch, T tokens, H hidden size.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { attention, mergeHeads, splitHeads } from "../nn/attention.ts";
import { dropout, layerNormSpecs, linear, linearSpecs, namedLayerNorm, namedLinear } from "../nn/layers.ts";
import { matrix, type ParameterSpecs, type ParameterValues, vector } from "../nn/parameters.ts";
import {
  type HuggingFaceConfig,
  readCount,
  readNotNegative,
  readProbability,
  requireOneOf,
  unsupported,
} from "./config.ts";

export interface BertConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly intermediateSize: number;
  readonly maxPositions: number;
  readonly tokenTypes: number;
  readonly layerNormEpsilon: number;
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  readonly initializerRange: number;
}

/** @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key */
export function parseBertConfig(config: HuggingFaceConfig): BertConfig {
  requireOneOf("bert", config, "model_type", ["bert"]);
  requireOneOf("bert", config, "hidden_act", ["gelu", undefined]);
  requireOneOf("bert", config, "position_embedding_type", ["absolute", undefined]);
  requireOneOf("bert", config, "is_decoder", [false, undefined]);
  const count = (key: string, fallback?: number): number => readCount("bert", config, key, fallback);
  const number = (key: string, fallback: number): number => readNotNegative("bert", config, key, fallback);
  const probability = (key: string): number => readProbability("bert", config, key, 0.1);
  const hiddenSize = count("hidden_size");
  const numHeads = count("num_attention_heads");
  if (hiddenSize % numHeads !== 0) {
    throw unsupported("bert", "hidden_size", hiddenSize, `a multiple of ${numHeads} heads`);
  }
  return {
    vocabularySize: count("vocab_size"),
    hiddenSize,
    numLayers: count("num_hidden_layers"),
    numHeads,
    intermediateSize: count("intermediate_size"),
    maxPositions: count("max_position_embeddings"),
    tokenTypes: count("type_vocab_size", 2),
    layerNormEpsilon: number("layer_norm_eps", 1e-12),
    hiddenDropout: probability("hidden_dropout_prob"),
    attentionDropout: probability("attention_probs_dropout_prob"),
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
    initializer_range: config.initializerRange,
  };
}

/** Parameters of the encoder; `prefix` is "bert." in checkpoints with a head, "" in bare encoders. */
export function bertSpecs(config: BertConfig, prefix = ""): ParameterSpecs {
  const { hiddenSize, intermediateSize, initializerRange: std } = config;
  const specs: Record<string, ParameterSpecs[string]> = {
    [`${prefix}embeddings.word_embeddings.weight`]: matrix(config.vocabularySize, hiddenSize, std),
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

/** Parameters of the masked-language-model head; its decoder is tied to the word embeddings. */
export function bertMlmHeadSpecs(config: BertConfig): ParameterSpecs {
  return {
    ...linearSpecs(
      "cls.predictions.transform.dense",
      config.hiddenSize,
      config.hiddenSize,
      config.initializerRange,
    ),
    ...layerNormSpecs("cls.predictions.transform.LayerNorm", config.hiddenSize),
    "cls.predictions.bias": vector(config.vocabularySize, 0),
  };
}

export interface BertInputs {
  /** i32 [B, T] */
  readonly inputIds: Value;
  /** i32 [B, T]; arbitrary, below maxPositions */
  readonly positionIds: Value;
  /** i32 [B, T] */
  readonly tokenTypeIds: Value;
  /** f32, broadcasts to [B, heads, T, T]; see nn/attention.ts */
  readonly attentionBias: Value;
}

/** The encoder: final hidden states f32 [B, T, H]. Dropout applies only when `isTraining`. */
export function bertEncoder(
  config: BertConfig,
  parameters: ParameterValues,
  inputs: BertInputs,
  { isTraining = false, prefix = "" }: { isTraining?: boolean; prefix?: string } = {},
): Value {
  const hiddenDropout = isTraining ? config.hiddenDropout : 0;
  const attentionDropout = isTraining ? config.attentionDropout : 0;
  const table = (kind: string): Value => parameters(`${prefix}embeddings.${kind}_embeddings.weight`);
  const embedded = ops.add(
    ops.add(
      ops.gatherRows(table("word"), inputs.inputIds),
      ops.gatherRows(table("token_type"), inputs.tokenTypeIds),
    ),
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

/** The head's transform: hidden [..., H] -> [..., H], before the tied decoder. */
export function bertMlmTransform(config: BertConfig, parameters: ParameterValues, hidden: Value): Value {
  const dense = ops.gelu(namedLinear(parameters, "cls.predictions.transform.dense", hidden));
  return namedLayerNorm(parameters, "cls.predictions.transform.LayerNorm", dense, config.layerNormEpsilon);
}

/** Logits over the vocabulary, [..., V]; for training use the chunked loss instead. */
export function bertMlmLogits(config: BertConfig, parameters: ParameterValues, hidden: Value): Value {
  const table = parameters("bert.embeddings.word_embeddings.weight");
  return linear(bertMlmTransform(config, parameters, hidden), table, parameters("cls.predictions.bias"));
}
