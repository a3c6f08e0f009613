/** The files of a model, whichever format they have: a Hugging Face folder or a .gguf file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TuttiError } from "../support/errors.ts";
import { isFolder, readWholeFile } from "../support/read-file.ts";
import { MAXIMUM_TEMPLATE_CHARACTERS } from "../text/chat-template.ts";
import { ggufChatTemplate, readGgufTokenizer } from "../text/index.ts";
import { readTokenizerJson } from "../text/tokenizer.ts";
import { type GgufModel, openGgufModel, openWeights, type WeightSource } from "../weights/index.ts";
import type { HuggingFaceConfig } from "./config.ts";
import { readModelConfig, readOptionalJson } from "./config-file.ts";

type Json = Readonly<Record<string, unknown>>;

export interface ModelFiles {
  readonly path: string;
  /** The content of config.json. */
  readonly config: HuggingFaceConfig;
  readonly source: WeightSource;
  /** The GGUF file's own metadata; undefined for a folder. */
  readonly gguf: GgufModel["metadata"] | undefined;
  /** The contents of tokenizer.json and tokenizer_config.json; undefined and empty where there are none. */
  readonly tokenizer: () => { readonly tokenizerJson: unknown; readonly tokenizerConfig: Json };
  /** Jinja; undefined where the model ships none. */
  readonly chatTemplate: string | undefined;
  /** The content of generation_config.json, or what stands for it; undefined where the model says nothing of the kind. */
  readonly generationConfig: Json | undefined;
  /** What the files name as tokens that end a text or a turn, unchecked. */
  readonly endTokens: readonly unknown[];
  close(): void;
}

const HINT = "give a folder with config.json, tokenizer.json and model.safetensors, or a .gguf file";

/**
 * Opens a model's files; no tensor is read. Close them when done.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED and what the readers of the formats throw
 */
export function openModelFiles(path: string): ModelFiles {
  if (isFolder(path)) return openFolder(path);
  if (path.endsWith(".gguf")) return openGgufFile(path);
  throw new TuttiError("FILE_NOT_FOUND", `${path} is no model: neither a folder nor a .gguf file`, {
    details: { path },
    hint: HINT,
  });
}

/** A template is text, or a list of named ones of which "default" is for chats. */
function templateOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  const named = value.find((entry: { name?: unknown } | null) => entry?.name === "default") as
    | { template?: unknown }
    | undefined;
  return typeof named?.template === "string" ? named.template : undefined;
}

function readChatTemplate(path: string): string {
  // Four bytes a character at most.
  const bytes = readWholeFile(path, 4 * MAXIMUM_TEMPLATE_CHARACTERS, (problem, cause) => {
    return new TuttiError("CHAT_TEMPLATE_INVALID", `${path}: ${problem}`, { cause, details: { path } });
  });
  return bytes.toString("utf8");
}

function openFolder(path: string): ModelFiles {
  const config: HuggingFaceConfig = readModelConfig(join(path, "config.json"), HINT);
  const generationConfig = readOptionalJson(join(path, "generation_config.json"));
  const tokenizerConfig = readOptionalJson(join(path, "tokenizer_config.json")) ?? {};
  const templateFile = join(path, "chat_template.jinja");
  const tokenizerFile = join(path, "tokenizer.json");
  const source = openWeights(path);
  return {
    path,
    config,
    source,
    gguf: undefined,
    tokenizer: () => ({
      tokenizerJson: existsSync(tokenizerFile) ? readTokenizerJson(tokenizerFile).json : undefined,
      tokenizerConfig,
    }),
    chatTemplate: existsSync(templateFile)
      ? readChatTemplate(templateFile)
      : templateOf(tokenizerConfig.chat_template),
    generationConfig,
    endTokens: [config.eos_token_id, generationConfig?.eos_token_id].flat(),
    close: () => source.close(),
  };
}

function openGgufFile(path: string): ModelFiles {
  const source = openGgufModel(path);
  const { metadata, config } = source;
  const id = (key: string): unknown => metadata.get(`tokenizer.ggml.${key}`)?.value;
  const endTokens = [
    config.eos_token_id,
    ...["eos_token_id", "eot_token_id", "eom_token_id"].map((key) => id(key)),
  ].flat();
  const ends = [...new Set(endTokens.filter((token) => Number.isInteger(token)))];
  return {
    path,
    config: config as HuggingFaceConfig,
    source,
    gguf: metadata,
    tokenizer: () => readGgufTokenizer(path, metadata),
    chatTemplate: ggufChatTemplate(metadata),
    generationConfig: ends.length > 0 ? { eos_token_id: ends } : undefined,
    endTokens,
    close: () => source.close(),
  };
}
