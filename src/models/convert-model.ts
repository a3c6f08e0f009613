/** A model from one format into another, one tensor in memory at a time. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { TuttiError } from "../support/errors.ts";
import { ggufTokenizerMetadata } from "../text/index.ts";
import {
  type GgufMetadata,
  type GgufWriteType,
  type SafetensorsData,
  type SafetensorsDType,
  type TensorToWrite,
  writeGgufModel,
  writeSafetensors,
} from "../weights/index.ts";
import { configDocument, modelDocuments } from "./model-documents.ts";
import { type ModelFiles, openModelFiles } from "./model-files.ts";

export type ConversionTarget =
  | { readonly format: "safetensors"; readonly dtype: "F32" | "F16" | "BF16" }
  | { readonly format: "gguf"; readonly dtype: GgufWriteType };

export interface ConvertedModel {
  readonly tensors: number;
  readonly files: readonly string[];
}

const TORCH_DTYPES = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

/**
 * Reads the model at `from` (a folder or a .gguf file) and writes it to `to`: a folder that transformers loads, or a .gguf
 * file that llama.cpp loads, each with tokenizer and chat template.
 *
 * @param onTensor called before each tensor is read
 * @throws {TuttiError} INVALID_ARGUMENT when `to` exists; FILE_WRITE_FAILED; what reading and the two writers throw
 */
export function convertModel(
  from: string,
  to: string,
  target: ConversionTarget,
  onTensor?: (done: number, total: number) => void,
): ConvertedModel {
  if (existsSync(to)) {
    throw new TuttiError("INVALID_ARGUMENT", `${to} exists already`, {
      details: { path: to },
      hint: "name a new folder or file, or remove the old one first",
    });
  }
  const files = openModelFiles(from);
  try {
    const source = counted(files.source, onTensor);
    return target.format === "gguf"
      ? writeGguf(files, source, to, target.dtype)
      : writeFolder(files, source, to, target.dtype);
  } finally {
    files.close();
  }
}

type Source = Pick<ModelFiles["source"], "entries" | "read">;

function counted(
  { entries, ...source }: ModelFiles["source"],
  onTensor?: (done: number, total: number) => void,
): Source {
  let done = 0;
  return {
    entries,
    read: (name) => {
      onTensor?.(done++, entries.size);
      return source.read(name);
    },
  };
}

function writeGguf(files: ModelFiles, weights: Source, to: string, type: GgufWriteType): ConvertedModel {
  if (!to.endsWith(".gguf")) {
    throw new TuttiError("INVALID_ARGUMENT", `${to} is no name of a GGUF file`, {
      hint: "let it end in .gguf",
    });
  }
  const { tokenizerJson, tokenizerConfig } = files.tokenizer();
  const vocabularySize = files.config.vocab_size as number | undefined;
  const metadata: GgufMetadata | undefined =
    files.gguf ??
    (tokenizerJson === undefined
      ? undefined
      : (ggufTokenizerMetadata(
          tokenizerJson,
          { ...tokenizerConfig, ...(files.chatTemplate && { chat_template: files.chatTemplate }) },
          vocabularySize,
        ) as GgufMetadata));
  writeGgufModel(to, { config: files.config, weights, type, ...(metadata && { metadata }) });
  return { tensors: weights.entries.size, files: [to] };
}

function writeFolder(
  files: ModelFiles,
  source: Source,
  to: string,
  dtype: "F32" | "F16" | "BF16",
): ConvertedModel {
  const tensors = [...source.entries.values()].map((entry) => tensorToWrite(source, entry, dtype));
  const written = ["model.safetensors"];
  writeSafetensors(join(to, "model.safetensors"), tensors, { format: "pt" });
  // The configuration comes last: a folder with it is complete.
  const config = configDocument({ ...files.config, dtype: TORCH_DTYPES[dtype] });
  for (const { name, content } of [...modelDocuments(files), config]) {
    writeFileAtomic(join(to, name), content);
    written.push(name);
  }
  return { tensors: tensors.length, files: written };
}

/** Floating-point numbers take the new type; ids and flags stay as they are. */
function tensorToWrite(
  source: Source,
  entry: { readonly name: string; readonly shape: readonly number[]; readonly dtype?: SafetensorsDType },
  dtype: SafetensorsDType,
): TensorToWrite {
  const { name, shape } = entry;
  const isFloat = entry.dtype === undefined || /^B?F\d+$/.test(entry.dtype);
  const read = (): SafetensorsData => {
    const { data } = source.read(name);
    return isFloat && data instanceof Float64Array ? Float32Array.from(data) : data;
  };
  return { name, shape, dtype: isFloat ? dtype : entry.dtype, read };
}
