/** Weights of an encoder-decoder model: from checkpoints, whose table has several names, and into folders. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { checkParameters, type Parameters } from "../nn/parameters.ts";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { type WeightSource, writeSafetensors } from "../weights/index.ts";
import { HEAD } from "./causal-model.ts";
import { configJsonText, type HuggingFaceConfig } from "./config.ts";
import { openModelFiles } from "./model-files.ts";
import { createSeq2SeqModel, withOwnHead } from "./seq2seq-families.ts";
import type { Seq2SeqModel } from "./seq2seq-model.ts";

/**
 * Stored name -> the model's name, for each tensor that the model needs; one of the embedding's names is enough.
 *
 * @param stored the names in a checkpoint
 */
export function seq2SeqParameterNames(
  model: Seq2SeqModel,
  stored: Iterable<string>,
): ReadonlyMap<string, string> {
  const { embedding, embeddingCopies, unused } = model.names;
  const present = new Set(stored);
  const table = [embedding, ...embeddingCopies].find((name) => present.has(name));
  const left = new Set([embedding, ...embeddingCopies, ...unused]);
  if (model.config.hasTiedEmbeddings) left.add(HEAD);
  const names = new Map<string, string>();
  for (const name of present) {
    if (name === table) names.set(name, embedding);
    else if (!left.has(name)) names.set(name, name);
  }
  return names;
}

function holdSame(source: WeightSource, a: string, b: string): boolean {
  const [first, second] = [source.read(a).data, source.read(b).data];
  return first.length === second.length && first.every((value, index) => value === second[index]);
}

export interface StoredSeq2SeqModel {
  readonly model: Seq2SeqModel;
  /** The config.json that says whether the head is tied. */
  readonly config: HuggingFaceConfig;
  /** See {@link seq2SeqParameterNames}. */
  readonly parameterNames: ReadonlyMap<string, string>;
}

/**
 * The model that `config` and the tensors of a checkpoint describe: a head that differs from the embedding table is not
 * tied to it, as transformers loads it.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED; WEIGHTS_MISMATCH when encoder and decoder have tables of their own
 */
export function openSeq2SeqModel(config: HuggingFaceConfig, source: WeightSource): StoredSeq2SeqModel {
  const asWritten = createSeq2SeqModel(config);
  const { embedding, embeddingCopies } = asWritten.names;
  const [table, ...copies] = [embedding, ...embeddingCopies].filter((name) => source.entries.has(name));
  const other = copies.find((name) => !holdSame(source, table!, name));
  if (other !== undefined) {
    throw new TuttiError("WEIGHTS_MISMATCH", `${source.path}: tensors "${table}" and "${other}" differ`, {
      details: { path: source.path, tensor: other },
      hint: "encoder and decoder must read one embedding table",
    });
  }
  const hasOwnHead =
    asWritten.config.hasTiedEmbeddings &&
    table !== undefined &&
    source.entries.has(HEAD) &&
    !holdSame(source, table, HEAD);
  const exact = hasOwnHead ? withOwnHead(config) : config;
  const model = hasOwnHead ? createSeq2SeqModel(exact) : asWritten;
  return { model, config: exact, parameterNames: seq2SeqParameterNames(model, source.entries.keys()) };
}

export interface LoadedSeq2SeqModel {
  readonly model: Seq2SeqModel;
  readonly parameters: Parameters;
  /** What {@link saveSeq2SeqModel} writes as config.json. */
  readonly config: HuggingFaceConfig;
}

/**
 * Reads `config.json` and the safetensors weights of a folder, one file or several. Half precision is widened to float32.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, SAFETENSORS_INVALID or WEIGHTS_MISMATCH
 */
export function loadSeq2SeqModel(folder: string): LoadedSeq2SeqModel {
  const files = openModelFiles(folder);
  try {
    const { model, config, parameterNames } = openSeq2SeqModel(files.config, files.source);
    const parameters: Record<string, Float32Tensor> = {};
    for (const [stored, name] of parameterNames) {
      const { shape, data } = files.source.read(stored);
      if (data instanceof Float32Array) parameters[name] = float32(shape, data);
    }
    checkParameters(model.specs, parameters, files.source.path);
    return { model, parameters, config };
  } finally {
    files.close();
  }
}

/** What lies beside the weights of a folder and stays true when they change. */
const COMPANIONS = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "spiece.model",
  "generation_config.json",
];

/**
 * Writes a folder that transformers loads unchanged: weights in float32 and config.json, which comes last, so that a folder
 * with it is complete.
 *
 * @param parameters the model's; others, such as those of adapters, are left out
 * @param companionsFrom folder whose tokenizer and generation settings are copied
 * @throws {TuttiError} WEIGHTS_MISMATCH when a parameter is missing; FILE_WRITE_FAILED
 */
export function saveSeq2SeqModel(
  folder: string,
  { model, parameters, config }: LoadedSeq2SeqModel,
  companionsFrom?: string,
): void {
  const own = Object.fromEntries(Object.entries(parameters).filter(([name]) => name in model.specs));
  checkParameters(model.specs, own, folder);
  const tensors = Object.entries(own).map(([name, { shape, data }]) => ({
    name,
    dtype: "F32" as const,
    shape,
    data,
  }));
  mkdirSync(folder, { recursive: true });
  writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  for (const name of companionsFrom === undefined ? [] : COMPANIONS) {
    const path = join(companionsFrom!, name);
    if (existsSync(path)) copyFileSync(path, join(folder, name));
  }
  writeFileAtomic(join(folder, "config.json"), configJsonText({ ...config, dtype: "float32" }));
}
