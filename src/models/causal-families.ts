/** The table of decoder families, and what can be done with a causal language model whatever its family. */
import type { Value } from "../graph/ir.ts";
import { vocabularyCrossEntropy } from "../losses/vocabulary-cross-entropy.ts";
import { vocabularyLogProbabilities } from "../losses/vocabulary-log-probabilities.ts";
import { softCap } from "../nn/attention.ts";
import { linear } from "../nn/layers.ts";
import type { ParameterValues } from "../nn/parameters.ts";
import { type CausalConfig, type CausalFamily, type CausalModel, HEAD } from "./causal-model.ts";
import type { HuggingFaceConfig } from "./config.ts";
import { familyOf } from "./family-table.ts";
import { GEMMA2 } from "./gemma2.ts";
import { GEMMA3_TEXT } from "./gemma3.ts";
import { GPT2 } from "./gpt2.ts";
import { LLAMA } from "./llama.ts";
import { MISTRAL } from "./mistral.ts";
import { QWEN2 } from "./qwen2.ts";
import { QWEN3 } from "./qwen3.ts";

type BuildModel = (config: HuggingFaceConfig) => CausalModel;

/** Hides a family's own configuration type behind the common interface. */
function family<Config extends CausalConfig>(rules: CausalFamily<Config>): BuildModel {
  return (huggingFaceConfig) => {
    const config = rules.parseConfig(huggingFaceConfig);
    return {
      modelType: String(huggingFaceConfig.model_type),
      config,
      specs: rules.specs(config),
      prefix: rules.prefix,
      embedding: rules.embedding,
      decoder: (parameters, inputs, options) => rules.decoder(config, parameters, inputs, options),
      head: (parameters) => parameters(config.hasTiedEmbeddings ? rules.embedding : HEAD),
    };
  };
}

/** `model_type` of config.json -> family. Adding a family is adding a row. */
const CAUSAL_FAMILIES: Readonly<Record<string, BuildModel>> = {
  gemma2: family(GEMMA2),
  gemma3_text: family(GEMMA3_TEXT),
  gpt2: family(GPT2),
  llama: family(LLAMA),
  mistral: family(MISTRAL),
  qwen2: family(QWEN2),
  qwen3: family(QWEN3),
};

/** The values of `model_type` that {@link createCausalModel} takes. */
export const CAUSAL_MODEL_TYPES: readonly string[] = Object.keys(CAUSAL_FAMILIES);

/**
 * The model that a Hugging Face config.json describes.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED for another `model_type`, or naming the key that is not supported
 */
export function createCausalModel(config: HuggingFaceConfig): CausalModel {
  return familyOf(CAUSAL_FAMILIES, config)(config);
}

/** Logits over the vocabulary, [B, T, V]; for training use {@link causalCrossEntropy} instead. */
export function causalLogits(model: CausalModel, parameters: ParameterValues, hidden: Value): Value {
  return softCap(linear(hidden, model.head(parameters)), model.config.finalSoftcap);
}

export interface CausalTargets {
  /** i32 [P] flat positions into hidden whose next token is known; all positions when absent */
  readonly positions?: Value;
  /** i32 [P] the next token at each position; negative = ignored */
  readonly labels: Value;
  /** f32 [] factor on the sum: 1 / number of labels gives the mean */
  readonly scale: Value;
}

/** scale x sum of -log p(label), in nats, from hidden states [B, T, H]; no full logits tensor exists. */
export function causalCrossEntropy(
  model: CausalModel,
  parameters: ParameterValues,
  hidden: Value,
  targets: CausalTargets,
): Value {
  return vocabularyCrossEntropy({
    ...targets,
    hidden,
    weight: model.head(parameters),
    logitSoftcap: model.config.finalSoftcap,
  });
}

/** log p(label) f32 [P], in nats, from hidden states [B, T, H]; no full logits tensor exists. */
export function causalLogProbabilities(
  model: CausalModel,
  parameters: ParameterValues,
  hidden: Value,
  targets: Omit<CausalTargets, "scale">,
): Value {
  return vocabularyLogProbabilities({
    ...targets,
    hidden,
    weight: model.head(parameters),
    logitSoftcap: model.config.finalSoftcap,
  });
}
