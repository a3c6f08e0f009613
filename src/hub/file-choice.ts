/** Which files of a repository a model needs. */

import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import type { HubReference } from "./reference.ts";
import { formatHubReference } from "./reference.ts";
import type { RepositoryFile } from "./repository.ts";

/** Configuration, tokenizer, chat template and the parts of a sentence-transformers model. */
const SMALL_FILES = [
  /^(config|generation_config|modules|sentence_bert_config|config_sentence_transformers)\.json$/,
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json$/,
  /^(vocab|merges)\.txt$/,
  /^(tokenizer|spiece|sentencepiece\.bpe)\.model$/,
  /^chat_template\.(jinja|json)$/,
  /^adapter_config\.json$/,
  /^\d+_[A-Za-z]+\/config\.json$/,
];
const WEIGHTS = /^(model(-\d+-of-\d+)?|adapter_model|\d+_[A-Za-z]+\/model)\.safetensors$/;
const INDEX = "model.safetensors.index.json";
const isGguf = ({ name }: RepositoryFile): boolean => name.endsWith(".gguf");

/**
 * The files to fetch: one when the reference names it; else safetensors with all that belongs to them; else the only GGUF
 * file there is.
 *
 * @throws {TuttiError} HUB_NOT_FOUND for a file that is not there, INVALID_ARGUMENT when one of several GGUF files must be
 *   chosen, MODEL_CONFIG_UNSUPPORTED when the repository holds no weights that Tutti reads
 */
export function chooseFiles(reference: HubReference, files: readonly RepositoryFile[]): RepositoryFile[] {
  const { file, repository } = reference;
  const names = files.map(({ name }) => name);
  if (file !== undefined) {
    const named = files.find(({ name }) => name === file);
    if (named) return [named];
    throw new TuttiError("HUB_NOT_FOUND", `${repository} has no file "${file}"`, {
      details: { repository, file },
      hint: didYouMean(file, names) || `its files: ${names.slice(0, 20).join(", ")}`,
    });
  }
  const weights = files.filter(({ name }) => WEIGHTS.test(name));
  if (weights.length > 0) {
    const isNeeded = ({ name }: RepositoryFile): boolean =>
      name === INDEX || SMALL_FILES.some((pattern) => pattern.test(name));
    return [...files.filter(isNeeded), ...weights];
  }
  const [only, ...others] = files.filter(isGguf);
  if (only && others.length === 0) return [only];
  if (only) {
    const choices = files
      .filter(isGguf)
      .map(({ name, sizeBytes }) => `${name} (${Math.round(sizeBytes / 1e6)} MB)`);
    throw new TuttiError("INVALID_ARGUMENT", `${repository} holds ${choices.length} GGUF files: choose one`, {
      details: { repository, files: files.filter(isGguf).map(({ name }) => name) },
      hint: `for example ${formatHubReference({ ...reference, file: only.name })}; there are ${choices.join(", ")}`,
    });
  }
  throw new TuttiError(
    "MODEL_CONFIG_UNSUPPORTED",
    `${repository} holds neither safetensors nor GGUF weights`,
    {
      details: { repository, files: names.slice(0, 100) },
      hint: "take a repository with model.safetensors, or convert the weights with transformers first",
    },
  );
}
