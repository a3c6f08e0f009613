/** The table of encoder families, and what can be done with a masked language model whatever its family. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { vocabularyCrossEntropy } from "../losses/vocabulary-cross-entropy.ts";
import { linear } from "../nn/layers.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/parameters.ts";
import { sizeOf } from "../tensor/shape.ts";
import { BERT } from "./bert.ts";
import type { HuggingFaceConfig } from "./config.ts";
import type { EncoderConfig, EncoderFamily, EncoderModel } from "./encoder-model.ts";
import { familyOf } from "./family-table.ts";
import { MODERNBERT } from "./modernbert.ts";

type BuildModel = (config: HuggingFaceConfig) => EncoderModel;

/** Hides a family's own configuration type behind the common interface. */
function family<Config extends EncoderConfig>(rules: EncoderFamily<Config>): BuildModel {
  return (huggingFaceConfig) => {
    const config = rules.parseConfig(huggingFaceConfig);
    return {
      modelType: String(huggingFaceConfig.model_type),
      config,
      specs: rules.specs(config),
      prefix: rules.prefix,
      embedding: rules.embedding,
      maskedHead: rules.maskedHead(config),
      classificationHead: rules.classificationHead(config),
      encode: (parameters, inputs, options) => rules.encode(config, parameters, inputs, options),
    };
  };
}

/** `model_type` of config.json -> family. Adding a family is adding a row. */
const ENCODER_FAMILIES: Readonly<Record<string, BuildModel>> = {
  bert: family(BERT),
  modernbert: family(MODERNBERT),
};

/** The values of `model_type` that {@link createEncoderModel} takes. */
export const ENCODER_MODEL_TYPES: readonly string[] = Object.keys(ENCODER_FAMILIES);

/**
 * The encoder that a Hugging Face config.json describes.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED for another `model_type`, or naming the key that is not supported
 */
export function createEncoderModel(config: HuggingFaceConfig): EncoderModel {
  return familyOf(ENCODER_FAMILIES, config)(config);
}

/** Parameters of a masked language model: encoder and head. */
export function maskedLanguageSpecs(model: EncoderModel): ParameterSpecs {
  return { ...model.specs, ...model.maskedHead.specs };
}

/** Logits over the vocabulary, [..., V]; for training use {@link maskedCrossEntropy} instead. */
export function maskedLogits(model: EncoderModel, parameters: ParameterValues, hidden: Value): Value {
  const { maskedHead: head } = model;
  return linear(head.transform(parameters, hidden), head.weight(parameters), head.bias(parameters));
}

export interface MaskedTargets {
  /** i32 [P] flat positions into hidden whose word is asked for; all positions when absent */
  readonly positions?: Value;
  /** i32 [P] the word at each position; negative = ignored */
  readonly labels: Value;
  /** f32 [] factor on the sum: 1 / number of labels gives the mean */
  readonly scale: Value;
}

/**
 * scale x sum of -log p(label), in nats, from hidden states [B, T, H]. Head and logits are computed at `positions` only,
 * and no full logits tensor exists.
 */
export function maskedCrossEntropy(
  model: EncoderModel,
  parameters: ParameterValues,
  hidden: Value,
  { positions, labels, scale }: MaskedTargets,
): Value {
  const { hiddenSize } = model.config;
  const rows = ops.reshape(hidden, [sizeOf(hidden.shape) / hiddenSize, hiddenSize]);
  const asked = positions ? ops.gatherRows(rows, positions) : rows;
  const bias = model.maskedHead.bias(parameters);
  return vocabularyCrossEntropy({
    hidden: model.maskedHead.transform(parameters, asked),
    labels,
    weight: model.maskedHead.weight(parameters),
    ...(bias && { bias }),
    scale,
  });
}
