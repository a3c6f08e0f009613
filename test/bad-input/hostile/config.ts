/** config.json and the small JSON files beside it: sizes, scalings, lists, JSON, and what stands where they should. */
import { join } from "node:path";
import { loadGenerationModel } from "../../../src/generate/index.ts";
import {
  convertModel,
  createCausalModel,
  describeModel,
  loadCausalModel,
  openModelFiles,
  parseBertConfig,
  readLabelCount,
} from "../../../src/models/index.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { shown } from "../../../src/support/show.ts";
import { CONFIG, type Json } from "./base.ts";
import { changed, copyOf, nested, replaced } from "./bytes.ts";
import type { HostileCase } from "./case.ts";
import { NO_FILES, standIn, withoutPermission } from "./places.ts";

const UNSUPPORTED: readonly ErrorCode[] = ["MODEL_CONFIG_UNSUPPORTED"];
/** Sizes that are sound by themselves and do not fit the weights. */
const MISFIT: readonly ErrorCode[] = ["WEIGHTS_MISMATCH", "MODEL_CONFIG_UNSUPPORTED"];

/** What a user would do with a folder; conversion first, which trusts the least of config.json. */
function openEverywhere(folder: string): void {
  const files = openModelFiles(folder);
  describeModel(files);
  files.close();
  loadGenerationModel(folder, { weightBits: 4 });
  loadGenerationModel(folder);
  loadCausalModel(folder);
}

/** A key of the valid config.json with this value; "Infinity" is what JSON.parse makes of 1e999. */
function key(name: string, value: unknown, codes: readonly ErrorCode[] = UNSUPPORTED): HostileCase {
  return {
    name: `${name}: ${shown(value, 60)}`,
    run: (place) => openEverywhere(changed(place, place.base.model, "config.json", { [name]: value })),
    codes,
    mentions: codes === MISFIT ? [] : ["config.json", `"${name}"`],
  };
}

/** The same with text that JSON.stringify would not write. */
function text(name: string, value: string): HostileCase {
  return {
    name: `${name}: ${value.slice(0, 60)} as text`,
    run: (place) => {
      const rest = JSON.stringify({ ...CONFIG, [name]: "@" });
      openEverywhere(replaced(place, place.base.model, "config.json", rest.replace('"@"', value)));
    },
    codes: UNSUPPORTED,
    mentions: ["config.json", name],
  };
}

const COUNTS = [
  "vocab_size",
  "hidden_size",
  "intermediate_size",
  "num_hidden_layers",
  "num_attention_heads",
  "max_position_embeddings",
];
const NO_COUNTS = [0, -1, 2.5, "16", null, true, [16], { size: 16 }, 1e12, 1e300];

const SIZES: readonly HostileCase[] = [
  ...COUNTS.flatMap((name) =>
    NO_COUNTS.filter((value) => !(name === "max_position_embeddings" && value === null)).map((value) =>
      key(name, value),
    ),
  ),
  ...COUNTS.map((name) => text(name, "1e999")),
  key("num_hidden_layers", 4_097),
  key("num_hidden_layers", 4_096, MISFIT),
  key("num_hidden_layers", 1, MISFIT),
  key("vocab_size", 2 ** 31 - 1, MISFIT),
  key("hidden_size", 2 ** 31 - 4, MISFIT),
  key("intermediate_size", 2 ** 31 - 1, MISFIT),
  key("head_dim", 2 ** 31 - 2, MISFIT),
  key("head_dim", 3),
  key("head_dim", 1e12),
  { ...key("num_attention_heads", 3), mentions: ["config.json", "heads"] },
  key("num_key_value_heads", 3),
  key("num_key_value_heads", 8),
  key("num_key_value_heads", 0),
  key("num_key_value_heads", 1e12),
];

const SCALINGS: readonly HostileCase[] = [
  ...["linear", [], 5, 0, false, ""].map((value) => key("rope_scaling", value)),
  ...[
    { rope_type: "constructor" },
    { rope_type: "__proto__" },
    { rope_type: "toString", factor: 2 },
    { rope_type: ["linear"], factor: 2 },
    { rope_type: {}, factor: 2 },
    { rope_type: "linear" },
    { rope_type: "linear", factor: "2" },
    { rope_type: "linear", factor: 0 },
    { rope_type: "linear", factor: -2 },
    { rope_type: "linear", factor: null },
    { rope_type: "linear", factor: 2, evil: 1 },
    { rope_type: "linear", factor: { rope_type: "linear" } },
    { rope_type: "dynamic", factor: 0 },
    { rope_type: "yarn", factor: 0 },
    { rope_type: "yarn", factor: 2, beta_fast: "x" },
    { rope_type: "yarn", factor: 2, original_max_position_embeddings: -1 },
    { rope_type: "yarn", factor: 2, attention_factor: -1 },
    { rope_type: "llama3", factor: 8 },
    { rope_type: "llama3", factor: 8, low_freq_factor: 0, high_freq_factor: 4 },
    {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 1e300,
    },
    { type: "longrope", short_factor: [1], long_factor: [1] },
  ].map((value): HostileCase => ({ ...key("rope_scaling", value), mentions: ["config.json"] })),
  text("rope_scaling", '{"rope_type":"linear","factor":1e999}'),
  text("rope_theta", "1e999"),
  key("rope_theta", 0),
  key("rope_theta", -1),
  key("rope_theta", "10000"),
  { ...key("rope_parameters", { rope_type: "hasOwnProperty" }), mentions: ["config.json"] },
  { ...key("rope_parameters", { rope_theta: -1 }), mentions: ["config.json", "rope_theta"] },
];

const OTHERS: readonly HostileCase[] = [
  ...[undefined, null, 5, "", "LLAMA", "__proto__", "constructor", "toString", [], {}].map((value) =>
    key("model_type", value),
  ),
  key("model_type", "x".repeat(3_000_000)),
  key("hidden_act", "evil"),
  key("attention_bias", "yes"),
  key("tie_word_embeddings", 1),
  key("rms_norm_eps", -1e-6),
  key("rms_norm_eps", "1e-6"),
  text("rms_norm_eps", "1e999"),
  key("attention_dropout", 1),
  key("attention_dropout", -0.1),
  key("initializer_range", -1),
  key("quantization_config", { bits: 4 }),
  key("is_encoder_decoder", true),
  key("pruned_heads", { 0: [1] }),
  key("pruned_heads", 5),
];

/** Another family's config.json, which has no weights here. */
const family = (name: string, config: Json, mention: string): HostileCase => ({
  name: `${String(config.model_type)}: ${name}`,
  run: () => (config.model_type === "bert" ? parseBertConfig(config) : createCausalModel(config)),
  codes: UNSUPPORTED,
  mentions: ["config.json", mention],
});
const GPT2: Json = { model_type: "gpt2", vocab_size: 8, n_embd: 8, n_head: 2, n_layer: 2, n_positions: 8 };
const GEMMA: Json = { ...CONFIG, model_type: "gemma3_text", head_dim: 4 };
const BERT: Json = { ...CONFIG, model_type: "bert" };

const FAMILIES: readonly HostileCase[] = [
  family("layers", { ...GPT2, n_layer: 1e9 }, "n_layer"),
  family("heads that do not divide", { ...GPT2, n_head: 3 }, "n_embd"),
  family(
    "an activation that every object has",
    { ...GPT2, activation_function: "constructor" },
    "activation_function",
  ),
  family("a probability of 2", { ...GPT2, attn_pdrop: 2 }, "attn_pdrop"),
  family("layer_types too short", { ...GEMMA, layer_types: ["full_attention"] }, "layer_types"),
  family(
    "layer_types of a million",
    { ...GEMMA, num_hidden_layers: 1_000_000, layer_types: [] },
    "num_hidden_layers",
  ),
  family("layer_types of no kind", { ...GEMMA, layer_types: [1, 2] }, "layer_types"),
  family("layer_types as text", { ...GEMMA, layer_types: "full_attention" }, "layer_types"),
  family("a pattern of 0", { ...GEMMA, sliding_window_pattern: 0 }, "sliding_window_pattern"),
  family("a window of 1.5", { ...GEMMA, sliding_window: 1.5 }, "sliding_window"),
  family("a window of -4", { ...GEMMA, sliding_window: -4 }, "sliding_window"),
  family("a scalar of 0", { ...GEMMA, query_pre_attn_scalar: 0 }, "query_pre_attn_scalar"),
  family(
    "an endless soft cap",
    { ...GEMMA, final_logit_softcapping: Number.POSITIVE_INFINITY },
    "final_logit_softcapping",
  ),
  family("layers", { ...BERT, num_hidden_layers: 1e12 }, "num_hidden_layers"),
  family("heads that do not divide", { ...BERT, num_attention_heads: 5 }, "num_attention_heads"),
  family("dropout of 1", { ...BERT, hidden_dropout_prob: 1 }, "hidden_dropout_prob"),
  {
    name: "labels that are no object",
    run: () => readLabelCount({ id2label: "a" }),
    codes: UNSUPPORTED,
    mentions: ["id2label"],
  },
];

const content = (name: string, file: string, value: () => string | Uint8Array): HostileCase => ({
  name: `${file}: ${name}`,
  run: (place) => openEverywhere(replaced(place, place.base.model, file, value())),
  codes: UNSUPPORTED,
  mentions: [file],
});

const FILES = ["config.json", "generation_config.json", "tokenizer_config.json"];

const CONTENTS: readonly HostileCase[] = FILES.flatMap((file) => [
  content("null", file, () => "null"),
  content("a list", file, () => "[]"),
  content("a number", file, () => "7"),
  content("a string", file, () => '"text"'),
  content("not JSON", file, () => "{model_type: llama}"),
  content("cut", file, () => '{"model_type": "lla'),
  content("UTF-16", file, () => Buffer.from("{}", "utf16le")),
  content("not UTF-8", file, () => Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
  content("100,000 lists in one another", file, () => `{"a":${nested(100_000)}}`),
  content("two million values", file, () => `{"a":[${"1,".repeat(2_000_000)}1]}`),
  content("20 megabytes", file, () => `{"a":"${"x".repeat(20_000_000)}"}`),
  ...Object.keys(NO_FILES)
    .filter((kind) => kind !== "a link to itself")
    .map(
      (kind): HostileCase => ({
        name: `instead of ${file}: ${kind}`,
        run: (place) => {
          const folder = copyOf(place, place.base.model);
          standIn(kind, folder, file);
          openEverywhere(folder);
        },
        codes: UNSUPPORTED,
        mentions: [file],
      }),
    ),
]);

const PLACES: readonly HostileCase[] = [
  {
    name: "a config.json that may not be read",
    run: (place) => {
      const folder = copyOf(place, place.base.model);
      withoutPermission(join(folder, "config.json"), () => openEverywhere(folder));
    },
    codes: UNSUPPORTED,
    mentions: ["config.json", "EACCES"],
  },
  {
    name: "a config.json that is a link to itself",
    run: (place) => {
      const folder = copyOf(place, place.base.model);
      standIn("a link to itself", folder, "config.json");
      openEverywhere(folder);
    },
    codes: ["FILE_NOT_FOUND"],
    mentions: ["config.json"],
  },
  {
    name: "a model's folder that is a link to itself",
    run: ({ folder }) => openEverywhere(NO_FILES["a link to itself"]!(join(folder, "model"))),
    codes: ["FILE_NOT_FOUND"],
    mentions: ["model"],
  },
  {
    name: "a model's folder whose name has a zero byte",
    run: () => openEverywhere("mod\0el"),
    codes: ["FILE_NOT_FOUND"],
    mentions: ["mod"],
  },
  {
    name: "keys that every object has",
    run: (place) =>
      openEverywhere(
        replaced(
          place,
          place.base.model,
          "config.json",
          `{"__proto__":{"num_hidden_layers":1},"constructor":1,${JSON.stringify(CONFIG).slice(1)}`,
        ),
      ),
    codes: [],
    mentions: [],
  },
  {
    name: "end tokens that are none",
    run: (place) =>
      openEverywhere(
        changed(place, place.base.model, "generation_config.json", {
          eos_token_id: [-1, 1e12, "x", null, {}, 0.5],
        }),
      ),
    codes: [],
    mentions: [],
  },
];

/** Conversion to GGUF, which reads more of config.json than the model does. */
const conversion = (name: string, value: unknown): HostileCase => ({
  name: `converting with ${name} ${shown(value)}`,
  run: (place) => {
    const folder = changed(place, place.base.model, "config.json", { [name]: value });
    convertModel(folder, join(place.folder, "converted.gguf"), { format: "gguf", dtype: "Q8_0" });
  },
  codes: ["MODEL_CONFIG_UNSUPPORTED", "TOKENIZER_MISMATCH", "SHAPE_MISMATCH"],
  mentions: [],
});

const CONVERSIONS: readonly HostileCase[] = [
  ...[0, -5, 0.5, 704.5, 1e12, "704", null, {}].map((value) => conversion("vocab_size", value)),
  ...[0, -4, 0.5, 3, 1e12, "4", {}].map((value) => conversion("num_attention_heads", value)),
  ...[0, -2, 0.5, 3, "2"].map((value) => conversion("num_key_value_heads", value)),
  ...[0, 2.5, 1e12, "x"].map((value) => conversion("num_hidden_layers", value)),
  ...["constructor", 5, null].map((value) => conversion("model_type", value)),
  ...[{ rope_type: "constructor" }, "linear", { rope_type: "linear", factor: "x" }].map((value) =>
    conversion("rope_scaling", value),
  ),
];

export const CASES: readonly HostileCase[] = [
  ...SIZES,
  ...SCALINGS,
  ...OTHERS,
  ...FAMILIES,
  ...CONTENTS,
  ...PLACES,
  ...CONVERSIONS,
];
