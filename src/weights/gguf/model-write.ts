/** Writing a Hugging Face model as a GGUF file that llama.cpp loads. */
import { TuttiError } from "../../support/errors.ts";
import type { SafetensorsData } from "../safetensors-dtype.ts";
import type { WeightSource } from "../source.ts";
import type { Architecture } from "./architecture.ts";
import { headWidth } from "./architectures/decoder.ts";
import { architectureByModelType } from "./architectures/index.ts";
import { rearrange, rearrangedShape } from "./arrangement.ts";
import { metadataFromConfig } from "./config.ts";
import { type Config, uint32 } from "./fields.ts";
import type { GgufMetadata, GgufValue } from "./metadata.ts";
import { headCounts } from "./model-read.ts";
import { namesFromHuggingFace } from "./names.ts";
import { llama3Divisors, ROPE_FREQUENCIES, ropeOf } from "./rope-scaling.ts";
import { tensorTypeByName } from "./tensor-type.ts";
import { type GgufTensorToWrite, type GgufWriteType, writeGguf } from "./write.ts";

export interface GgufModelToWrite {
  /** The content of config.json. */
  readonly config: Config;
  /** Parameters under Hugging Face names; read one at a time. */
  readonly weights: Pick<WeightSource, "entries" | "read">;
  /** Element type of the matrices. Norms, biases and position tables stay F32. */
  readonly type: GgufWriteType;
  /** Tokenizer, chat template and general information, such as another file's metadata. */
  readonly metadata?: GgufMetadata;
}

/** general.file_type of llama.cpp. */
const FILE_TYPES: Readonly<Record<GgufWriteType, number>> = { F32: 0, F16: 1, Q8_0: 7, BF16: 32 };
/** Tables that llama.cpp adds to activations as they are. */
const ALWAYS_F32 = ["position_embd.weight", "token_types.weight"];
/** Buffers that checkpoints may carry and no model needs. */
const BUFFERS = /(\.|^)(rotary_emb\.inv_freq|position_ids|attn\.bias|attn\.masked_bias)$/;

function typeOf(name: string, shape: readonly number[], type: GgufWriteType): GgufWriteType {
  if (shape.length < 2 || ALWAYS_F32.includes(name)) return "F32";
  return shape.at(-1)! % tensorTypeByName(type).blockElements === 0 ? type : "F16";
}

function asFloat32(name: string, data: SafetensorsData): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  throw new TuttiError(
    "DTYPE_MISMATCH",
    `parameter "${name}" is a ${data.constructor.name}, expected floating-point numbers`,
    { details: { tensor: name } },
  );
}

function tensorOf(
  architecture: Architecture,
  model: GgufModelToWrite,
  name: string,
): GgufTensorToWrite | undefined {
  if (BUFFERS.test(name)) return undefined;
  const names = namesFromHuggingFace(architecture, name);
  if (names === undefined) {
    throw new TuttiError(
      "WEIGHTS_MISMATCH",
      `parameter "${name}" has no place in a GGUF file of architecture ${architecture.name}`,
      { details: { tensor: name }, hint: "adapters must be merged and extra heads left out before writing" },
    );
  }
  if (names.gguf === "output.weight" && model.config.tie_word_embeddings === true) return undefined;
  const { gguf, arrangement } = names;
  const { shape } = model.weights.entries.get(name)!;
  const stored = rearrangedShape(arrangement, shape);
  return {
    name: gguf,
    type: typeOf(gguf, stored, model.type),
    shape: stored,
    read: () => {
      const data = asFloat32(name, model.weights.read(name).data);
      return rearrange(name, arrangement, "to-gguf", { shape, data }, headCounts(model.config));
    },
  };
}

function llama3Tensor(config: Config): GgufTensorToWrite[] {
  if (config.model_type === "gemma3_text") return [];
  const { theta, scaling } = ropeOf(config);
  if (scaling?.rope_type !== "llama3") return [];
  const divisors = llama3Divisors(scaling, theta, headWidth(config));
  return [{ name: ROPE_FREQUENCIES, type: "F32", shape: [divisors.length], read: () => divisors }];
}

/** The model's own description wins over the metadata given beside it. */
function allMetadata(architecture: Architecture, model: GgufModelToWrite): GgufMetadata {
  const metadata = new Map<string, GgufValue>(metadataFromConfig(architecture, model.config));
  metadata.set("general.file_type", uint32(FILE_TYPES[model.type]));
  metadata.set("general.quantization_version", uint32(2));
  for (const [key, field] of model.metadata ?? []) {
    const isOwn = metadata.has(key) || key === "general.alignment" || key.startsWith(`${architecture.name}.`);
    if (!isOwn) metadata.set(key, field);
  }
  return metadata;
}

/**
 * Writes a model to `path`, atomically, one parameter in memory at a time.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED (a model that llama.cpp would compute otherwise), WEIGHTS_MISMATCH (a
 *   parameter without a place), and what {@link writeGguf} throws
 */
export function writeGgufModel(path: string, model: GgufModelToWrite): void {
  const architecture = architectureByModelType(model.config.model_type);
  const tensors = [...model.weights.entries.keys()]
    .map((name) => tensorOf(architecture, model, name))
    .filter((tensor) => tensor !== undefined);
  writeGguf(path, allMetadata(architecture, model), [...tensors, ...llama3Tensor(model.config)]);
}
