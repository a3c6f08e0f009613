/** config.json from GGUF metadata and back. */
import { TuttiError } from "../../support/errors.ts";
import type { Architecture, TensorFacts } from "./architecture.ts";
import { type Config, configNumber, numberField, requiredNumber, uint32, unsupported } from "./fields.ts";
import type { GgufMetadata, GgufValue } from "./metadata.ts";

/** Keys below "<architecture>." that say nothing about the mathematics. */
const HARMLESS = ["vocab_size", "tensor_data_layout"];
const TOKEN_IDS = [
  ["tokenizer.ggml.bos_token_id", "bos_token_id"],
  ["tokenizer.ggml.eos_token_id", "eos_token_id"],
  ["tokenizer.ggml.padding_token_id", "pad_token_id"],
] as const;

function refuseUnknownKeys(path: string, architecture: Architecture, metadata: GgufMetadata): void {
  const prefix = `${architecture.name}.`;
  const known = new Set([
    ...architecture.numbers.map(([key]) => key),
    ...architecture.otherKeys,
    ...HARMLESS,
  ]);
  for (const [key, field] of metadata) {
    if (key.startsWith(prefix) && !known.has(key.slice(prefix.length)))
      throw unsupported(path, key, field.value, "absent: it is not supported and may change the mathematics");
  }
}

/** A positive integer that the format's uint32 can hold. */
function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value < 2 ** 32;
}

function readNumbers(path: string, architecture: Architecture, metadata: GgufMetadata): Config {
  const numbers: Record<string, number> = {};
  for (const [suffix, key, type, need] of architecture.numbers) {
    const name = `${architecture.name}.${suffix}`;
    const value = numberField(path, metadata, name);
    if (value === undefined && need === "optional") continue;
    const isSound = value !== undefined && (type === "float32" || isCount(value));
    if (!isSound) throw unsupported(path, name, value, type === "uint32" ? "a positive integer" : "a number");
    numbers[key] = value;
  }
  return numbers;
}

/** No model has as many; lists are made with an entry per layer. */
const MAXIMUM_LAYERS = 4096;

/** The last layer must be there: nothing is made for layers that are not. */
function checkLayerCount(
  path: string,
  architecture: Architecture,
  metadata: GgufMetadata,
  tensors: TensorFacts,
): void {
  const key = `${architecture.name}.block_count`;
  const layers = numberField(path, metadata, key) ?? 0;
  const tensor = `blk.${layers - 1}.ffn_up.weight`;
  if (!tensors.has(tensor)) {
    throw new TuttiError(
      "WEIGHTS_MISMATCH",
      `${path}: "${key}" is ${layers}, but there is no tensor "${tensor}"`,
      {
        details: { path, key, layers },
        hint: "the file is incomplete: convert the model again, or join its parts",
      },
    );
  }
  if (layers > MAXIMUM_LAYERS) throw unsupported(path, key, layers, `at most ${MAXIMUM_LAYERS}`);
}

/** One key and value head per query head, where nothing else is said. */
function withKeyHeads(numbers: Config): Config {
  return "num_attention_heads" in numbers && !("num_key_value_heads" in numbers) && "rms_norm_eps" in numbers
    ? { ...numbers, num_key_value_heads: numbers.num_attention_heads }
    : numbers;
}

/**
 * The config.json that describes a file's model.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the metadata key
 */
export function configFromGguf(
  path: string,
  architecture: Architecture,
  metadata: GgufMetadata,
  tensors: TensorFacts,
): Config {
  refuseUnknownKeys(path, architecture, metadata);
  const numbers = withKeyHeads(readNumbers(path, architecture, metadata));
  checkLayerCount(path, architecture, metadata, tensors);
  const rows = tensors.shape("token_embd.weight")?.[0];
  if (rows === undefined)
    throw unsupported(path, "token_embd.weight", undefined, "a tensor with a row per token");
  const tokenIds = TOKEN_IDS.map(([key, name]) => [name, numberField(path, metadata, key)] as const);
  return {
    architectures: [architecture.modelClass],
    model_type: architecture.modelTypes[0],
    vocab_size: rows,
    ...numbers,
    ...architecture.readConfig(path, metadata, tensors, numbers),
    ...(architecture.name === "bert" ? {} : { tie_word_embeddings: !tensors.has("output.weight") }),
    ...Object.fromEntries(tokenIds.filter(([, id]) => id !== undefined)),
    dtype: "float32",
  };
}

/**
 * The metadata that describe the model of a config.json, without tokenizer and general information.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming the key that is missing, or that llama.cpp computes otherwise
 */
export function metadataFromConfig(architecture: Architecture, config: Config): GgufMetadata {
  const metadata = new Map<string, GgufValue>();
  metadata.set("general.architecture", { type: "string", value: architecture.name });
  for (const [suffix, key, type, need] of architecture.numbers) {
    const fallback = typeof need === "number" ? need : undefined;
    const given = configNumber(config, key) ?? fallback;
    const value = need === undefined ? requiredNumber(config, key) : given;
    if (value === undefined) continue;
    if (type === "uint32" && !isCount(value))
      throw unsupported("config.json", key, value, "a positive integer");
    metadata.set(`${architecture.name}.${suffix}`, {
      type,
      value: type === "float32" ? Math.fround(value) : value,
    });
  }
  for (const [suffix, field] of architecture.writeMetadata(config)) {
    metadata.set(`${architecture.name}.${suffix}`, field);
  }
  const vocabularySize = requiredNumber(config, "vocab_size");
  if (!isCount(vocabularySize))
    throw unsupported("config.json", "vocab_size", vocabularySize, "a positive integer");
  metadata.set(`${architecture.name}.vocab_size`, uint32(vocabularySize));
  return metadata;
}
