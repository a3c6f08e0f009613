/** The text files that go with a model's weights, whichever format the model came in. */
import { configJsonText, type HuggingFaceConfig } from "./config.ts";
import type { ModelFiles } from "./model-files.ts";

export interface ModelDocument {
  readonly name: string;
  readonly content: string;
}

/** JSON as it is written beside weights. */
export const jsonDocument = (name: string, value: unknown): ModelDocument => ({
  name,
  content: `${JSON.stringify(value, null, 2)}\n`,
});

/** `config.json`, as transformers reads it. */
export const configDocument = (config: HuggingFaceConfig): ModelDocument => ({
  name: "config.json",
  content: configJsonText(config),
});

/**
 * `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` and `generation_config.json` of a model, as far as it has
 * them. The last names the tokens that end a turn, which for some models config.json does not.
 */
export function modelDocuments(files: ModelFiles): ModelDocument[] {
  const { tokenizerJson, tokenizerConfig } = files.tokenizer();
  const documents: ModelDocument[] = [];
  if (tokenizerJson !== undefined) {
    const { chat_template: _, ...rest } = tokenizerConfig;
    documents.push(
      // On one line: a vocabulary is for machines, and indented it is half as long again.
      { name: "tokenizer.json", content: JSON.stringify(tokenizerJson) },
      jsonDocument("tokenizer_config.json", { tokenizer_class: "PreTrainedTokenizerFast", ...rest }),
    );
  }
  if (files.chatTemplate !== undefined) {
    documents.push({ name: "chat_template.jinja", content: files.chatTemplate });
  }
  if (files.generationConfig !== undefined)
    documents.push(jsonDocument("generation_config.json", files.generationConfig));
  return documents;
}
