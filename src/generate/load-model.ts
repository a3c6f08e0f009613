/** Opening a model for generation: a Hugging Face folder or a .gguf file, with its tokenizer and chat template. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HuggingFaceConfig } from "../models/config.ts";
import { type CausalModel, createCausalModel } from "../models/index.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { ggufChatTemplate, loadTokenizer, type Tokenizer, tokenizerFromGguf } from "../text/index.ts";
import { openGgufModel, openWeights, type WeightSource } from "../weights/index.ts";
import { quantizationError, readGenerationWeights, weightBytes } from "./model-weights.ts";
import type { WeightBits } from "./quantize.ts";
import type { GenerationWeights } from "./weight-values.ts";

export interface LoadGenerationModelOptions {
  /**
   * Bits of the weight matrices: 32 float32, 8 or 4 blocks of integers with a scale each. Products then round
   * activations to 8 bits too. @default 32
   */
  readonly weightBits?: WeightBits | 32;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface GenerationModel {
  readonly path: string;
  readonly model: CausalModel;
  readonly weights: GenerationWeights;
  readonly tokenizer: Tokenizer;
  /** Jinja; undefined where the model ships none. */
  readonly chatTemplate: string | undefined;
  /** Tokens that end a text or a turn, by the model's own files. */
  readonly endTokens: readonly number[];
  /** Of the quantised matrices: square root of squared errors over squared weights; 0 for float32. */
  readonly quantizationError: number;
  /** Bytes that the weights take. */
  readonly weightBytes: number;
}

type Json = Readonly<Record<string, unknown>>;

interface Opened {
  readonly source: WeightSource;
  readonly config: Json;
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: string | undefined;
  readonly endTokens: readonly unknown[];
}

function readJson(path: string, isNeeded: boolean): Json {
  if (!existsSync(path)) {
    if (!isNeeded) return {};
    throw new TuttiError("FILE_NOT_FOUND", `model configuration not found: ${path}`, {
      details: { path },
      hint: "give a folder with config.json, tokenizer.json and model.safetensors, or a .gguf file",
    });
  }
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new Error("not a JSON object");
    return value as Json;
  } catch (cause) {
    throw new TuttiError("MODEL_CONFIG_UNSUPPORTED", `could not read ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
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

function openFolder(path: string): Opened {
  const config = readJson(join(path, "config.json"), true);
  const generation = readJson(join(path, "generation_config.json"), false);
  const tokenizerConfig = readJson(join(path, "tokenizer_config.json"), false);
  const templateFile = join(path, "chat_template.jinja");
  return {
    config,
    source: openWeights(path),
    tokenizer: loadTokenizer(path),
    chatTemplate: existsSync(templateFile)
      ? readFileSync(templateFile, "utf8")
      : templateOf(tokenizerConfig.chat_template),
    endTokens: [config.eos_token_id, generation.eos_token_id].flat(),
  };
}

function openGgufFile(path: string): Opened {
  const source = openGgufModel(path);
  const id = (key: string): unknown => source.metadata.get(`tokenizer.ggml.${key}`)?.value;
  return {
    source,
    config: source.config,
    tokenizer: tokenizerFromGguf(path, source.metadata),
    chatTemplate: ggufChatTemplate(source.metadata),
    endTokens: [
      source.config.eos_token_id,
      id("eos_token_id"),
      id("eot_token_id"),
      id("eom_token_id"),
    ].flat(),
  };
}

/**
 * Opens a model for generation.
 *
 * @param path folder with config.json, tokenizer.json and safetensors weights, or a .gguf file
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, TOKENIZER_INVALID, WEIGHTS_MISMATCH and what the
 *   readers of the formats throw
 */
export function loadGenerationModel(
  path: string,
  { weightBits = 32, onProgress }: LoadGenerationModelOptions = {},
): GenerationModel {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (!isFolder && !path.endsWith(".gguf")) {
    throw new TuttiError("FILE_NOT_FOUND", `${path} is no model: neither a folder nor a .gguf file`, {
      details: { path },
      hint: "give a folder with config.json, tokenizer.json and model.safetensors, or a .gguf file",
    });
  }
  const opened = isFolder ? openFolder(path) : openGgufFile(path);
  const { source, config, tokenizer, chatTemplate } = opened;
  try {
    const model = createCausalModel(config as HuggingFaceConfig);
    const weights = readGenerationWeights(model, source, {
      bits: weightBits,
      ...(onProgress && { onTensor: onProgress }),
    });
    const { eos } = tokenizer.specialTokens;
    const ends = [...opened.endTokens, eos].filter(
      (id): id is number => Number.isInteger(id) && (id as number) < model.config.vocabularySize,
    );
    return {
      path,
      model,
      weights,
      tokenizer,
      chatTemplate,
      endTokens: [...new Set(ends)],
      quantizationError: quantizationError(weights),
      weightBytes: weightBytes(weights),
    };
  } finally {
    source.close();
  }
}
