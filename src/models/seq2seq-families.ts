/** The table of encoder-decoder families, and what can be done with such a model whatever its family. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { vocabularyCrossEntropy } from "../losses/vocabulary-cross-entropy.ts";
import { linear } from "../nn/layers.ts";
import type { ParameterValues } from "../nn/parameters.ts";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { type CausalModel, HEAD } from "./causal-model.ts";
import type { HuggingFaceConfig } from "./config.ts";
import type { Seq2SeqConfig, Seq2SeqFamily, Seq2SeqModel } from "./seq2seq-model.ts";
import { T5 } from "./t5.ts";

interface FamilyRow {
  readonly build: (modelType: string, config: HuggingFaceConfig) => Seq2SeqModel;
  readonly withOwnHead: (config: HuggingFaceConfig) => HuggingFaceConfig;
}

/** Hides a family's own configuration type behind the common interface. */
function family<Config extends Seq2SeqConfig>(rules: Seq2SeqFamily<Config>): FamilyRow {
  const build: FamilyRow["build"] = (modelType, huggingFaceConfig) => {
    const config = rules.parseConfig(huggingFaceConfig);
    return {
      modelType,
      config,
      names: rules.names,
      specs: rules.specs(config),
      encode: (parameters, inputs, options) => rules.encode(config, parameters, inputs, options),
      memory: (parameters, hidden) => rules.memory(config, parameters, hidden),
      decode: (parameters, memory, inputs, options) =>
        rules.decode(config, parameters, memory, inputs, options),
      head: (parameters) => parameters(config.hasTiedEmbeddings ? rules.names.embedding : HEAD),
    };
  };
  return { build, withOwnHead: rules.withOwnHead };
}

/** `model_type` of config.json -> family. Adding a family is adding a row. */
const SEQ2SEQ_FAMILIES: Readonly<Record<string, FamilyRow>> = {
  t5: family(T5),
};

/** The values of `model_type` that {@link createSeq2SeqModel} takes. */
export const SEQ2SEQ_MODEL_TYPES: readonly string[] = Object.keys(SEQ2SEQ_FAMILIES);

/** Whether `model_type` of a config.json names an encoder-decoder family that is known here. */
export function isSeq2SeqConfig({ model_type: modelType }: HuggingFaceConfig): boolean {
  return typeof modelType === "string" && Object.hasOwn(SEQ2SEQ_FAMILIES, modelType);
}

/** Tells the two kinds of language models apart. */
export const isSeq2SeqModel = (model: CausalModel | Seq2SeqModel): model is Seq2SeqModel => "encode" in model;

/**
 * The model that a Hugging Face config.json describes.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED for another `model_type`, or naming the key that is not supported
 */
export function createSeq2SeqModel(config: HuggingFaceConfig): Seq2SeqModel {
  const modelType = config.model_type as string;
  if (!isSeq2SeqConfig(config)) {
    throw new TuttiError(
      "MODEL_CONFIG_UNSUPPORTED",
      `config.json: "model_type" must be one of ${SEQ2SEQ_MODEL_TYPES.join(", ")}, found ${JSON.stringify(modelType) ?? "nothing"}`,
      {
        details: { key: "model_type", received: modelType },
        hint: didYouMean(String(modelType), SEQ2SEQ_MODEL_TYPES),
      },
    );
  }
  return SEQ2SEQ_FAMILIES[modelType]!.build(modelType, config);
}

/**
 * The same config.json with an output projection of its own: transformers 5 writes every T5 as tied, whatever the weights
 * hold.
 */
export function withOwnHead(config: HuggingFaceConfig): HuggingFaceConfig {
  return SEQ2SEQ_FAMILIES[String(config.model_type)]!.withOwnHead(config);
}

/** The decoder's hidden states as the output projection reads them. */
function scaledForHead({ config: { headScale } }: Seq2SeqModel, hidden: Value): Value {
  return headScale === 1 ? hidden : ops.mul(hidden, ops.scalarLike(hidden, headScale));
}

/** Logits over the vocabulary, [..., V]; for training use {@link seq2SeqCrossEntropy} instead. */
export function seq2SeqLogits(model: Seq2SeqModel, parameters: ParameterValues, hidden: Value): Value {
  return linear(scaledForHead(model, hidden), model.head(parameters));
}

export interface Seq2SeqTargets {
  /** i32 [P] flat positions into hidden whose token is known; all positions when absent */
  readonly positions?: Value;
  /** i32 [P] the token that follows at each position; negative = ignored */
  readonly labels: Value;
  /** f32 [] factor on the sum: 1 / number of labels gives the mean */
  readonly scale: Value;
}

/** scale x sum of -log p(label), in nats, from the decoder's states [B, T, H]; no full logits tensor exists. */
export function seq2SeqCrossEntropy(
  model: Seq2SeqModel,
  parameters: ParameterValues,
  hidden: Value,
  targets: Seq2SeqTargets,
): Value {
  return vocabularyCrossEntropy({
    ...targets,
    hidden: scaledForHead(model, hidden),
    weight: model.head(parameters),
  });
}

/**
 * log p(target | source) of each row, in nats, f32 [B]: what a marginal likelihood over retrieved passages weighs.
 * Differentiable; holds the logits of all positions.
 *
 * @param hidden the decoder's states f32 [B, T, H]
 * @param labels i32 [B, T] the token that follows at each position; negative = ignored
 */
export function seq2SeqLogLikelihood(
  model: Seq2SeqModel,
  parameters: ParameterValues,
  hidden: Value,
  labels: Value,
): Value {
  const logProbabilities = ops.logSoftmax(seq2SeqLogits(model, parameters, hidden));
  const zero = ops.scalarLike(labels, 0);
  const isLabel = ops.greaterOrEqual(labels, zero);
  const picked = ops.reshape(ops.pickLast(logProbabilities, ops.where(isLabel, labels, zero)), labels.shape);
  const counted = ops.where(isLabel, picked, ops.scalarLike(picked, 0));
  return ops.reshape(ops.reduceSum(counted, [1]), [labels.shape[0]!]);
}
