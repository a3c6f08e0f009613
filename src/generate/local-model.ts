/** A language model on this machine, ready to generate: weights, tokenizer, chat template and what ends an answer. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { adoptCausalParameters, type CausalModel, createCausalModel } from "../models/index.ts";
import type { Parameters } from "../nn/parameters.ts";
import { createOrtBackend } from "../runtime/index.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { ggufChatTemplate, loadTokenizer, type Tokenizer, tokenizerFromGguf } from "../text/index.ts";
import { openGgufModel, openWeights, type WeightSource } from "../weights/index.ts";
import { CachedDecoder } from "./cached-decoder.ts";

export interface LocalModel {
  readonly model: CausalModel;
  readonly decoder: CachedDecoder;
  readonly tokenizer: Tokenizer;
  /** Absent for base models. */
  readonly chatTemplate: string | undefined;
  /** Tokens that end an answer. */
  readonly stopTokens: readonly number[];
}

/**
 * Opens the folder of a Hugging Face checkpoint (config.json, weights, tokenizer.json) or a .gguf file.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH, TOKENIZER_INVALID, and what the reader
 *   of the weights throws
 */
export function openLocalModel(source: string, { threads }: { readonly threads: number }): LocalModel {
  if (!existsSync(source)) {
    throw new TuttiError("FILE_NOT_FOUND", `model not found: ${source}`, {
      details: { path: source },
      hint: "give the folder of a Hugging Face checkpoint or a .gguf file",
    });
  }
  const parts = source.endsWith(".gguf") ? readGguf(source) : readFolder(source);
  const { model, parameters, ...rest } = parts;
  return { model, decoder: new CachedDecoder(model, parameters, createOrtBackend({ threads })), ...rest };
}

type Parts = Omit<LocalModel, "decoder"> & { readonly parameters: Parameters };

function readGguf(path: string): Parts {
  const file = openGgufModel(path);
  try {
    const model = createCausalModel(file.config);
    const tokenizer = tokenizerFromGguf(path, file.metadata);
    return {
      model,
      parameters: readParameters(model, file),
      tokenizer,
      chatTemplate: ggufChatTemplate(file.metadata),
      stopTokens: idsOf(file.config.eos_token_id ?? tokenizer.specialTokens.eos),
    };
  } finally {
    file.close();
  }
}

function readFolder(folder: string): Parts {
  const config = readJson(join(folder, "config.json"));
  const model = createCausalModel(config);
  const weights = openWeights(folder);
  try {
    const tokenizer = loadTokenizer(join(folder, "tokenizer.json"));
    const generation = readOptionalJson(join(folder, "generation_config.json"));
    return {
      model,
      parameters: readParameters(model, weights),
      tokenizer,
      chatTemplate: folderChatTemplate(folder),
      stopTokens: idsOf(generation.eos_token_id ?? config.eos_token_id ?? tokenizer.specialTokens.eos),
    };
  } finally {
    weights.close();
  }
}

function readParameters(model: CausalModel, source: WeightSource): Parameters {
  const stored: Record<string, Float32Tensor> = {};
  for (const name of source.entries.keys()) {
    const { shape, data } = source.read(name);
    if (data instanceof Float32Array) stored[name] = float32(shape, data);
  }
  return adoptCausalParameters(model, stored, source.path);
}

/** A file of its own in newer checkpoints, a key of tokenizer_config.json in older ones. */
function folderChatTemplate(folder: string): string | undefined {
  const file = join(folder, "chat_template.jinja");
  if (existsSync(file)) return readFileSync(file, "utf8");
  const template = readOptionalJson(join(folder, "tokenizer_config.json")).chat_template;
  return typeof template === "string" ? template : undefined;
}

const idsOf = (value: unknown): number[] =>
  (Array.isArray(value) ? value : [value]).filter((id) => Number.isInteger(id)) as number[];

type Json = Readonly<Record<string, unknown>>;

const readOptionalJson = (path: string): Json => (existsSync(path) ? readJson(path) : {});

function readJson(path: string): Json {
  if (!existsSync(path)) {
    throw new TuttiError("FILE_NOT_FOUND", `model configuration not found: ${path}`, {
      details: { path },
      hint: "give the folder of a Hugging Face checkpoint or a .gguf file",
    });
  }
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Json;
  } catch (cause) {
    throw new TuttiError("MODEL_CONFIG_UNSUPPORTED", `could not read ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
