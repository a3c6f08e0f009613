/** Weights of an encoder from checkpoints, with or without a head: names put right, other heads left, all of it checked. */
import type { ParameterSpecs, Parameters } from "../nn/parameters.ts";
import { createEncoderModel, maskedLanguageSpecs } from "./encoder-families.ts";
import type { EncoderModel } from "./encoder-model.ts";
import { openModelFiles } from "./model-files.ts";
import { readParameters } from "./read-parameters.ts";

/** Buffers that older checkpoints carry and that follow from the config. */
const DERIVED = /(^|\.)embeddings\.position_ids$/;
/** Names of normalisation weights from before PyTorch had them. */
const FORMER_NAMES = [
  [/\.LayerNorm\.gamma$/, ".LayerNorm.weight"],
  [/\.LayerNorm\.beta$/, ".LayerNorm.bias"],
] as const;

/**
 * The name under which `specs` know a stored tensor: bare encoders leave out the prefix.
 *
 * @param specs of the encoder, and of a head where one is wanted
 * @returns undefined for tensors of other heads and for buffers; a name that is not in `specs` for a tensor of the
 *   encoder that the configuration has no place for
 */
export function encoderParameterName(
  model: EncoderModel,
  specs: ParameterSpecs,
  stored: string,
): string | undefined {
  if (DERIVED.test(stored)) return undefined;
  const name = FORMER_NAMES.reduce((text, [former, now]) => text.replace(former, now), stored);
  if (name in specs) return name;
  const prefixed = name.startsWith(model.prefix) ? name : model.prefix + name;
  if (prefixed in specs) return prefixed;
  // The parts that an encoder is made of, such as "bert.embeddings." and "bert.encoder.".
  const part = prefixed.slice(0, prefixed.indexOf(".", model.prefix.length) + 1);
  return Object.keys(model.specs).some((known) => known.startsWith(part)) ? prefixed : undefined;
}

export interface LoadedEncoderModel {
  readonly model: EncoderModel;
  readonly parameters: Parameters;
}

function load(path: string, specsOf: (model: EncoderModel) => ParameterSpecs): LoadedEncoderModel {
  const files = openModelFiles(path);
  try {
    const model = createEncoderModel(files.config);
    const specs = specsOf(model);
    const nameOf = (stored: string) => encoderParameterName(model, specs, stored);
    return { model, parameters: readParameters(specs, files.source, nameOf) };
  } finally {
    files.close();
  }
}

/**
 * The encoder of a Hugging Face folder or a .gguf file. Heads and poolers of the checkpoint are not read.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH and what the readers of the formats throw
 */
export function loadEncoderModel(path: string): LoadedEncoderModel {
  return load(path, (model) => model.specs);
}

/**
 * Encoder and masked-language-model head of a Hugging Face folder.
 *
 * @throws {TuttiError} as {@link loadEncoderModel}; WEIGHTS_MISMATCH where the checkpoint has no such head
 */
export function loadMaskedLanguageModel(path: string): LoadedEncoderModel {
  return load(path, maskedLanguageSpecs);
}
