/** A GGUF file as a Hugging Face model: config.json and parameters under their Hugging Face names. */
import { didYouMean } from "../../support/did-you-mean.ts";
import { TuttiError } from "../../support/errors.ts";
import type { WeightSource } from "../source.ts";
import type { Architecture } from "./architecture.ts";
import { architectureByName } from "./architectures/index.ts";
import { type HeadCounts, rearrange, rearrangedShape } from "./arrangement.ts";
import { configFromGguf } from "./config.ts";
import { type Config, textField } from "./fields.ts";
import type { GgufMetadata } from "./metadata.ts";
import { namesFromGguf, type TensorNames } from "./names.ts";
import { type GgufFile, openGguf } from "./read.ts";
import { ROPE_FREQUENCIES } from "./rope-scaling.ts";

export interface GgufModel extends WeightSource {
  /** The content of the config.json that describes the model. */
  readonly config: Config;
  /** All metadata, the tokenizer's among them. */
  readonly metadata: GgufMetadata;
  /** Under Hugging Face names; shapes are row-major. */
  readonly entries: ReadonlyMap<
    string,
    { readonly name: string; readonly shape: readonly number[]; readonly type: string }
  >;
  read(name: string): {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: Float32Array;
  };
}

/** Heads as config.json counts them. */
export function headCounts(config: Config): HeadCounts {
  const queryHeads = Number(config.num_attention_heads ?? config.n_head);
  return { queryHeads, keyHeads: Number(config.num_key_value_heads ?? queryHeads) };
}

function nameTensors(file: GgufFile, architecture: Architecture): Map<string, TensorNames> {
  const names = new Map<string, TensorNames>();
  for (const name of file.entries.keys()) {
    if (name === ROPE_FREQUENCIES) continue;
    const found = namesFromGguf(architecture, name);
    if (found === undefined) {
      throw new TuttiError(
        "WEIGHTS_MISMATCH",
        `${file.path}: tensor "${name}" belongs to no known part of architecture ${architecture.name}`,
        { details: { path: file.path, tensor: name } },
      );
    }
    names.set(found.huggingFace, found);
  }
  return names;
}

function describe(file: GgufFile): Pick<GgufModel, "config" | "entries" | "read"> {
  const { path, metadata } = file;
  const architecture = architectureByName(path, textField(path, metadata, "general.architecture"));
  const config = configFromGguf(path, architecture, metadata, {
    has: (name) => file.entries.has(name),
    shape: (name) => file.entries.get(name)?.shape,
    read: (name) => file.read(name).data,
  });
  const names = nameTensors(file, architecture);
  const entries = new Map(
    [...names].map(([name, { gguf, arrangement }]) => {
      const { shape, type } = file.entries.get(gguf)!;
      return [name, { name, shape: rearrangedShape(arrangement, shape), type }];
    }),
  );
  const heads = headCounts(config);
  return {
    config,
    entries,
    read(name) {
      const tensor = names.get(name);
      const entry = entries.get(name);
      if (tensor === undefined || entry === undefined) {
        throw new TuttiError("WEIGHTS_MISMATCH", `${path}: has no parameter "${name}"`, {
          details: { path, tensor: name },
          hint: didYouMean(name, [...names.keys()]) || "list the names with openGgufModel(path).entries",
        });
      }
      const stored = file.read(tensor.gguf);
      const data = rearrange(tensor.gguf, tensor.arrangement, "to-hugging-face", stored, heads);
      return { name, shape: entry.shape, data };
    },
  };
}

/**
 * Opens a GGUF file as a Hugging Face model. Parameters are decoded to float32 and arranged as `transformers` expects.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, GGUF_INVALID, MODEL_CONFIG_UNSUPPORTED (unknown architecture or a metadata key
 *   that is not supported), WEIGHTS_MISMATCH (a tensor that the architecture does not have)
 */
export function openGgufModel(path: string): GgufModel {
  const file = openGguf(path);
  try {
    return { path, metadata: file.metadata, ...describe(file), close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}
