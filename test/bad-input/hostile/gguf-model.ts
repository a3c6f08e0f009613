/** GGUF files that are sound as files, and describe a model or a vocabulary that makes no sense. */

import { join } from "node:path";
import { loadGenerationModel } from "../../../src/generate/index.ts";
import { convertModel, createCausalModel, describeModel, openModelFiles } from "../../../src/models/index.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { tokenizerFromGguf } from "../../../src/text/index.ts";
import {
  type GgufTensorToWrite,
  type GgufValue,
  openGguf,
  openGgufModel,
  writeGguf,
} from "../../../src/weights/index.ts";
import type { Base } from "./base.ts";
import type { HostileCase } from "./case.ts";

const NAME = "harmed.gguf";

type Metadata = Map<string, GgufValue>;
type Tensors = Map<string, GgufTensorToWrite>;

/** Writes a valid file again after `harm` was done to what it holds, and opens it through every door. */
function harmed(
  name: string,
  source: keyof Base,
  harm: (metadata: Metadata, tensors: Tensors) => void,
  codes: readonly ErrorCode[],
  ...mentions: string[]
): HostileCase {
  return {
    name,
    run: ({ base, folder }) => {
      const file = openGguf(base[source]);
      const metadata: Metadata = new Map(file.metadata);
      metadata.delete("general.alignment");
      const tensors: Tensors = new Map(
        [...file.entries.values()].map(({ name: own, shape }) => {
          return [own, { name: own, type: "F32", shape, read: () => file.read(own).data }];
        }),
      );
      harm(metadata, tensors);
      const path = join(folder, NAME);
      writeGguf(path, metadata, [...tensors.values()]);
      file.close();
      openEverywhere(path, join(folder, "converted"));
    },
    codes,
    mentions,
  };
}

function openEverywhere(path: string, converted: string): void {
  const model = openGgufModel(path);
  for (const name of model.entries.keys()) model.read(name);
  createCausalModel(model.config);
  const { encode, decode } = tokenizerFromGguf(path, model.metadata);
  decode(encode("Hello, world: 123 héllo").ids);
  model.close();
  const files = openModelFiles(path);
  describeModel(files);
  files.close();
  loadGenerationModel(path);
  loadGenerationModel(path, { weightBits: 4 });
  convertModel(path, converted, { format: "safetensors", dtype: "F16" });
}

const uint32 = (value: number): GgufValue => ({ type: "uint32", value });
const float64 = (value: number): GgufValue => ({ type: "float64", value });
const text = (value: string): GgufValue => ({ type: "string", value });
const strings = (value: readonly string[]): GgufValue => ({ type: "array", items: "string", value });
const float32s = (value: readonly number[]): GgufValue => {
  return { type: "array", items: "float32", value: Float32Array.from(value) };
};
const int32s = (value: readonly number[]): GgufValue => {
  return { type: "array", items: "int32", value: Int32Array.from(value) };
};

const UNSUPPORTED: readonly ErrorCode[] = ["MODEL_CONFIG_UNSUPPORTED"];
const MODEL: readonly ErrorCode[] = ["MODEL_CONFIG_UNSUPPORTED", "WEIGHTS_MISMATCH", "SHAPE_MISMATCH"];

const setting = (
  key: string,
  value: GgufValue | undefined,
  codes: readonly ErrorCode[],
  what = "",
): HostileCase =>
  harmed(
    `${key} ${value === undefined ? "left out" : `${value.type} ${String(value.value).slice(0, 40)}`}${what}`,
    "gguf",
    (metadata) => {
      if (value === undefined) metadata.delete(key);
      else metadata.set(key, value);
    },
    codes,
    '"',
  );

const SETTINGS: readonly HostileCase[] = [
  setting("general.architecture", undefined, UNSUPPORTED),
  setting("general.architecture", text("llama5"), UNSUPPORTED),
  setting("general.architecture", text("__proto__"), UNSUPPORTED),
  setting("general.architecture", text("x".repeat(1_000_000)), UNSUPPORTED, ", a million of them"),
  setting("general.architecture", uint32(1), UNSUPPORTED),
  setting("llama.block_count", undefined, UNSUPPORTED),
  ...[0, 1, 3, 4_000_000_000].map((value) => setting("llama.block_count", uint32(value), MODEL)),
  ...[1e300, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY].map((value) =>
    setting("llama.block_count", float64(value), MODEL),
  ),
  setting("llama.block_count", text("2"), UNSUPPORTED),
  setting("llama.block_count", int32s([2]), UNSUPPORTED),
  ...["embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv"].flatMap(
    (key) => [
      setting(`llama.${key}`, uint32(0), UNSUPPORTED),
      setting(`llama.${key}`, uint32(2 ** 32 - 1), MODEL),
      setting(`llama.${key}`, float64(1e300), UNSUPPORTED),
      setting(`llama.${key}`, uint32(7), MODEL),
    ],
  ),
  setting("llama.context_length", float64(1e300), UNSUPPORTED),
  setting("llama.context_length", uint32(0), UNSUPPORTED),
  setting("llama.attention.layer_norm_rms_epsilon", float64(-1), UNSUPPORTED),
  setting("llama.attention.layer_norm_rms_epsilon", float64(Number.NaN), UNSUPPORTED),
  setting("llama.rope.freq_base", float64(0), UNSUPPORTED),
  setting("llama.rope.freq_base", float64(-5), UNSUPPORTED),
  setting("llama.rope.freq_base", text("10000"), UNSUPPORTED),
  setting("llama.rope.dimension_count", uint32(3), UNSUPPORTED),
  setting("llama.rope.scaling.type", text("constructor"), UNSUPPORTED),
  setting("llama.expert_count", uint32(8), UNSUPPORTED),
  setting("llama.no_such_key", uint32(1), UNSUPPORTED),
  harmed(
    "a linear scaling by 0",
    "gguf",
    (metadata) => {
      metadata.set("llama.rope.scaling.type", text("linear"));
      metadata.set("llama.rope.scaling.factor", float64(0));
    },
    UNSUPPORTED,
  ),
];

const rename = (tensors: Tensors, from: string, to: string): void => {
  const tensor = tensors.get(from)!;
  tensors.delete(from);
  tensors.set(to, { ...tensor, name: to });
};

const TENSORS: readonly HostileCase[] = [
  harmed("no embedding", "gguf", (_, tensors) => tensors.delete("token_embd.weight"), UNSUPPORTED, NAME),
  harmed("no norm", "gguf", (_, tensors) => tensors.delete("output_norm.weight"), ["WEIGHTS_MISMATCH"], NAME),
  harmed("no tensors", "gguf", (_, tensors) => tensors.clear(), ["WEIGHTS_MISMATCH"], NAME),
  harmed(
    "a tensor of no model",
    "gguf",
    (_, tensors) => rename(tensors, "output_norm.weight", "blk.0.evil.weight"),
    ["WEIGHTS_MISMATCH"],
    NAME,
    "blk.0.evil.weight",
  ),
  harmed(
    "a layer numbered 999,999,999",
    "gguf",
    (metadata, tensors) => {
      rename(tensors, "blk.1.ffn_up.weight", "blk.999999999.ffn_up.weight");
      metadata.set("llama.block_count", uint32(1_000_000_000));
    },
    UNSUPPORTED,
    NAME,
    "llama.block_count",
  ),
  harmed(
    "a layer numbered 01",
    "gguf",
    (_, tensors) => rename(tensors, "blk.1.attn_norm.weight", "blk.01.attn_norm.weight"),
    ["WEIGHTS_MISMATCH"],
    NAME,
  ),
  harmed(
    "a matrix with one row less",
    "gguf",
    (_, tensors) => {
      const tensor = tensors.get("blk.0.attn_q.weight")!;
      tensors.set(tensor.name, { ...tensor, shape: [15, 16], read: () => tensor.read().subarray(16) });
    },
    MODEL,
    "blk.0.attn_q.weight",
  ),
  harmed(
    "a vector where a matrix should be",
    "gguf",
    (_, tensors) => {
      const tensor = tensors.get("token_embd.weight")!;
      tensors.set(tensor.name, { ...tensor, shape: [tensor.shape[0]! * tensor.shape[1]!] });
    },
    MODEL,
    NAME,
  ),
];

const TOKENIZER: readonly ErrorCode[] = ["TOKENIZER_INVALID"];
const tokensOf = (metadata: Metadata): string[] => [
  ...(metadata.get("tokenizer.ggml.tokens")!.value as readonly string[]),
];

const vocabulary = (
  name: string,
  source: "gguf" | "pieces",
  harm: (metadata: Metadata) => void,
  ...mentions: string[]
): HostileCase => harmed(`vocabulary: ${name}`, source, harm, TOKENIZER, NAME, ...mentions);

const field = (
  source: "gguf" | "pieces",
  key: string,
  value: GgufValue | undefined,
  what: string,
): HostileCase =>
  vocabulary(
    `${what} in tokenizer.ggml.${key} (${source})`,
    source,
    (metadata) => {
      if (value === undefined) metadata.delete(`tokenizer.ggml.${key}`);
      else metadata.set(`tokenizer.ggml.${key}`, value);
    },
    `tokenizer.ggml.${key}`,
  );

const VOCABULARIES: readonly HostileCase[] = [
  field("gguf", "model", undefined, "nothing"),
  field("gguf", "model", text("constructor"), "an inherited name"),
  field("gguf", "model", uint32(1), "a number"),
  field("gguf", "pre", undefined, "nothing"),
  field("gguf", "pre", text("toString"), "an inherited name"),
  field("gguf", "tokens", undefined, "nothing"),
  field("gguf", "tokens", strings([]), "an empty list"),
  field("gguf", "tokens", int32s([1, 2]), "numbers"),
  field("gguf", "merges", undefined, "nothing"),
  field("gguf", "merges", strings(["ab"]), "a merge of one part"),
  field("gguf", "merges", strings(["no such"]), "a merge of unknown tokens"),
  field("gguf", "merges", strings([" "]), "a merge of nothing"),
  field("gguf", "merges", float32s([1]), "numbers"),
  field("gguf", "token_type", int32s([1, 1]), "too few kinds"),
  field("gguf", "token_type", strings(["normal"]), "strings"),
  field("gguf", "eos_token_id", uint32(4_000_000_000), "an id beyond the tokens"),
  field("gguf", "bos_token_id", { type: "int32", value: -1 }, "a negative id"),
  harmed(
    "vocabulary: a string in tokenizer.ggml.bos_token_id",
    "gguf",
    (metadata) => metadata.set("tokenizer.ggml.bos_token_id", text("<s>")),
    UNSUPPORTED,
    NAME,
    "tokenizer.ggml.bos_token_id",
  ),
  field("gguf", "add_bos_token", uint32(1), "a number"),
  field("pieces", "scores", undefined, "nothing"),
  field("pieces", "scores", float32s([1, 2, 3]), "too few scores"),
  field("pieces", "add_space_prefix", text("yes"), "a string"),
  vocabulary("scores that are no numbers", "pieces", (metadata) => {
    metadata.set("tokenizer.ggml.scores", float32s(tokensOf(metadata).map(() => Number.NaN)));
  }),
  vocabulary("one token twice", "gguf", (metadata) => {
    const tokens = tokensOf(metadata);
    tokens[5] = tokens[4]!;
    metadata.set("tokenizer.ggml.tokens", strings(tokens));
  }),
  vocabulary("fewer tokens than types", "gguf", (metadata) => {
    metadata.set("tokenizer.ggml.tokens", strings(tokensOf(metadata).slice(1)));
  }),
  vocabulary(
    "a piece of two million characters",
    "pieces",
    (metadata) => {
      const tokens = tokensOf(metadata);
      tokens[50] = "ab".repeat(1_000_000);
      metadata.set("tokenizer.ggml.tokens", strings(tokens));
    },
    "too long",
  ),
  vocabulary(
    "300 pieces of 2,000 characters",
    "pieces",
    (metadata) => {
      const tokens = tokensOf(metadata).map((token, id) => (id < 300 ? token : String(id).repeat(700)));
      metadata.set("tokenizer.ggml.tokens", strings(tokens));
    },
    "too long",
  ),
  harmed(
    "vocabulary: a chat template that never ends",
    "gguf",
    (metadata) => metadata.set("tokenizer.chat_template", text("{% for i in range(10**9) %}x{% endfor %}")),
    [],
  ),
  harmed(
    "vocabulary: a chat template that is a number",
    "gguf",
    (metadata) => metadata.set("tokenizer.chat_template", uint32(1)),
    [],
  ),
];

export const CASES: readonly HostileCase[] = [...SETTINGS, ...TENSORS, ...VOCABULARIES];
