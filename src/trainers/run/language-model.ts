/** A decoder with everything that training and writing it take. */
import { basename, resolve } from "node:path";
import { endTokensOf } from "../../generate/load-model.ts";
import {
  type CausalModel,
  causalParameterName,
  createCausalModel,
  type HuggingFaceConfig,
  openModelFiles,
} from "../../models/index.ts";
import { type ModelDocument, modelDocuments } from "../../models/model-documents.ts";
import { readParameters } from "../../models/read-parameters.ts";
import type { Parameters } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { loadTokenizer, type Tokenizer, tokenizerFromGguf } from "../../text/index.ts";

export interface LanguageModel {
  readonly path: string;
  /** What model cards call it. */
  readonly name: string;
  readonly config: HuggingFaceConfig;
  readonly model: CausalModel;
  readonly parameters: Parameters;
  readonly tokenizer: Tokenizer;
  /** Jinja. */
  readonly template: string;
  /** Text of the tokens that a template may ask for. */
  readonly bosToken: string;
  readonly eosToken: string;
  /** Ids that end an answer, by the model's own files. */
  readonly endTokens: readonly number[];
  /** Tokenizer, chat template and end tokens, as they are written beside trained weights. */
  readonly documents: readonly ModelDocument[];
}

/**
 * Reads a Hugging Face folder or a .gguf file.
 *
 * @param name what model cards call it; as a rule the reference that the path was found by
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH, TOKENIZER_INVALID;
 *   CHAT_TEMPLATE_INVALID where the model has none
 */
export function loadLanguageModel(path: string, name = basename(resolve(path))): LanguageModel {
  const files = openModelFiles(path);
  try {
    const model = createCausalModel(files.config);
    const tokenizer = files.gguf === undefined ? loadTokenizer(path) : tokenizerFromGguf(path, files.gguf);
    if (files.chatTemplate === undefined) {
      throw new TuttiError("CHAT_TEMPLATE_INVALID", `${path}: the model has no chat template`, {
        details: { path },
        hint: "put a chat_template.jinja into its folder",
      });
    }
    const { bos, eos } = tokenizer.specialTokens;
    const spelling = (id: number | undefined): string =>
      id === undefined ? "" : (tokenizer.token(id) ?? "");
    return {
      ...{ path, name },
      config: files.config,
      model,
      parameters: readParameters(model.specs, files.source, (stored) => causalParameterName(model, stored)),
      tokenizer,
      template: files.chatTemplate,
      bosToken: spelling(bos),
      eosToken: spelling(eos),
      endTokens: endTokensOf(files, tokenizer, model.config.vocabularySize),
      documents: modelDocuments(files),
    };
  } finally {
    files.close();
  }
}
