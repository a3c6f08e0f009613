/** What a model is, from its files alone, and whether Tutti can compute it. */

import type { ParameterSpecs } from "../nn/parameters.ts";
import { TuttiError } from "../support/errors.ts";
import { sizeOf } from "../tensor/index.ts";
import { createCausalModel } from "./causal-families.ts";
import { causalParameterName } from "./causal-weights.ts";
import type { HuggingFaceConfig } from "./config.ts";
import { createEncoderModel, ENCODER_MODEL_TYPES } from "./encoder-families.ts";
import { encoderParameterName } from "./encoder-weights.ts";
import type { ModelFiles } from "./model-files.ts";
import { createSeq2SeqModel, isSeq2SeqConfig } from "./seq2seq-families.ts";
import { seq2SeqParameterNames } from "./seq2seq-weights.ts";

export type ModelSupport =
  | { readonly kind: "decoder" | "encoder" | "encoder-decoder" }
  /** The sentence that names the key or tensor in the way. */
  | { readonly kind: "unsupported"; readonly reason: string };

export interface ModelDescription {
  readonly modelType: string;
  readonly parameters: number;
  readonly layers: number | undefined;
  readonly hiddenSize: number | undefined;
  readonly vocabularySize: number | undefined;
  readonly contextTokens: number | undefined;
  readonly hasChatTemplate: boolean;
  /** Model of tokenizer.json, such as "BPE"; undefined without a tokenizer. */
  readonly tokenizer: string | undefined;
  /** Element type as stored -> elements. */
  readonly storedTypes: Readonly<Record<string, number>>;
  readonly tensors: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly number[];
  }[];
  readonly support: ModelSupport;
}

interface Names {
  readonly kind: Exclude<ModelSupport["kind"], "unsupported">;
  readonly specs: ParameterSpecs;
  readonly nameOf: (stored: string) => string | undefined;
}

function encoderNames(config: HuggingFaceConfig): Names {
  const model = createEncoderModel(config);
  return {
    kind: "encoder",
    specs: model.specs,
    nameOf: (stored) => encoderParameterName(model, model.specs, stored),
  };
}

function encoderDecoderNames(config: HuggingFaceConfig, names: readonly string[]): Names {
  const model = createSeq2SeqModel(config);
  const known = seq2SeqParameterNames(model, names);
  return { kind: "encoder-decoder", specs: model.specs, nameOf: (stored) => known.get(stored) };
}

function decoderNames(config: HuggingFaceConfig): Names {
  const model = createCausalModel(config);
  return { kind: "decoder", specs: model.specs, nameOf: (stored) => causalParameterName(model, stored) };
}

function namesOf(config: HuggingFaceConfig, names: readonly string[]): Names {
  if (ENCODER_MODEL_TYPES.includes(config.model_type as string)) return encoderNames(config);
  return isSeq2SeqConfig(config) ? encoderDecoderNames(config, names) : decoderNames(config);
}

function supportOf(config: HuggingFaceConfig, names: readonly string[]): ModelSupport {
  try {
    const { kind, specs, nameOf } = namesOf(config, names);
    const stored = new Set(names.map(nameOf));
    const missing = Object.keys(specs).find((name) => !stored.has(name));
    if (missing === undefined) return { kind };
    return { kind: "unsupported", reason: `the weights lack the parameter "${missing}"` };
  } catch (error) {
    if (!TuttiError.is(error)) throw error;
    return { kind: "unsupported", reason: error.message };
  }
}

/** Describes open files; reads no tensor. */
export function describeModel(files: ModelFiles): ModelDescription {
  const { config, source } = files;
  const tensors = [...source.entries.values()].map((entry) => {
    const { name, shape } = entry;
    const { type, dtype } = entry as { readonly type?: string; readonly dtype?: string };
    return { name, shape, type: type ?? dtype ?? "?" };
  });
  const storedTypes: Record<string, number> = {};
  for (const { type, shape } of tensors) storedTypes[type] = (storedTypes[type] ?? 0) + sizeOf(shape);
  const count = (...keys: readonly string[]): number | undefined => {
    const value = keys.map((key) => config[key]).find((candidate) => typeof candidate === "number");
    return value as number | undefined;
  };
  const { tokenizerJson } = files.tokenizer();
  const kind = (tokenizerJson as { model?: { type?: unknown } } | undefined)?.model?.type;
  return {
    modelType: String(config.model_type ?? "unknown"),
    parameters: tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    layers: count("num_hidden_layers", "n_layer", "num_layers"),
    hiddenSize: count("hidden_size", "n_embd", "d_model"),
    vocabularySize: count("vocab_size"),
    contextTokens: count("max_position_embeddings", "n_positions"),
    hasChatTemplate: files.chatTemplate !== undefined,
    tokenizer: typeof kind === "string" ? kind : undefined,
    storedTypes,
    tensors,
    support: supportOf(
      config,
      tensors.map(({ name }) => name),
    ),
  };
}
