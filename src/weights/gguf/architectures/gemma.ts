/** Gemma 1 to 3, text only. GGUF holds norm weights plus one; some numbers are llama.cpp's own and not in the file. */
import type { Architecture, NumberRow, TensorNameRow } from "../architecture.ts";
import {
  type Config,
  configNumber,
  float32,
  numberField,
  requiredNumber,
  uint32,
  unsupported,
} from "../fields.ts";
import type { GgufMetadata, GgufValue } from "../metadata.ts";
import { ROPE_SCALING_KEYS, readRopeScaling, ropeOf, writeRopeScaling } from "../rope-scaling.ts";
import { DECODER_NUMBERS, DECODER_TENSORS, headWidth, requireConfig, SAME_QUERY_KEY } from "./decoder.ts";

const GATED_ACTIVATION = "gelu_pytorch_tanh";
/** Rotary base of Gemma 3's local layers in llama.cpp. */
const LOCAL_ROPE_THETA = 10_000;
/** Every sixth layer of Gemma 3 attends globally in llama.cpp. */
const GEMMA3_PATTERN = 6;

const COMMON: readonly TensorNameRow[] = [
  ...DECODER_TENSORS,
  ...SAME_QUERY_KEY,
  ["output_norm.weight", "model.norm.weight", "norm-offset"],
  ["blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight", "norm-offset"],
];

const FOUR_NORMS: readonly TensorNameRow[] = [
  ["blk.{}.post_attention_norm.weight", "model.layers.{}.post_attention_layernorm.weight", "norm-offset"],
  ["blk.{}.ffn_norm.weight", "model.layers.{}.pre_feedforward_layernorm.weight", "norm-offset"],
  ["blk.{}.post_ffw_norm.weight", "model.layers.{}.post_feedforward_layernorm.weight", "norm-offset"],
];

const WINDOW: NumberRow = ["attention.sliding_window", "sliding_window", "uint32"];

function widths(config: Config): [string, GgufValue][] {
  return [["attention.value_length", uint32(headWidth(config))]];
}

function checkWidths(path: string, name: string, metadata: GgufMetadata, numbers: Config): void {
  const value = numberField(path, metadata, `${name}.attention.value_length`) ?? headWidth(numbers);
  if (value !== headWidth(numbers))
    throw unsupported(path, `${name}.attention.value_length`, value, `${headWidth(numbers)}`);
}

/** What llama.cpp divides attention scores by the root of: the width of a head, but for the largest models. */
function queryScalar(numbers: Config, layersOfLargest: number): number {
  const isLargest = requiredNumber(numbers, "num_hidden_layers") === layersOfLargest;
  if (!isLargest) return headWidth(numbers);
  return Math.floor(requiredNumber(numbers, "hidden_size") / requiredNumber(numbers, "num_attention_heads"));
}

function checkQueryScalar(config: Config, layersOfLargest: number): void {
  const expected = queryScalar(config, layersOfLargest);
  requireConfig(config, "query_pre_attn_scalar", [expected, ...(expected === 256 ? [undefined] : [])]);
}

function requireActivation(config: Config): void {
  requireConfig(config, "hidden_activation", [GATED_ACTIVATION, undefined]);
  requireConfig(config, "attention_bias", [false, undefined]);
}

export const gemma: Architecture = {
  name: "gemma",
  modelTypes: ["gemma"],
  modelClass: "GemmaForCausalLM",
  tensors: [
    ...COMMON,
    ["blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight", "norm-offset"],
  ],
  numbers: DECODER_NUMBERS,
  otherKeys: ["rope.freq_base", "rope.dimension_count", "attention.value_length"],
  readConfig(path, metadata, _tensors, numbers) {
    checkWidths(path, "gemma", metadata, numbers);
    const theta = numberField(path, metadata, "gemma.rope.freq_base") ?? 10_000;
    return { hidden_act: GATED_ACTIVATION, hidden_activation: GATED_ACTIVATION, rope_theta: theta };
  },
  writeMetadata(config) {
    requireActivation(config);
    const { theta, scaling } = ropeOf(config);
    if (scaling !== undefined) throw unsupported("config.json", "rope_scaling", scaling, "absent");
    return new Map<string, GgufValue>([["rope.freq_base", float32(theta)], ...widths(config)]);
  },
};

const GEMMA2_LARGEST = 46;
export const gemma2: Architecture = {
  name: "gemma2",
  modelTypes: ["gemma2"],
  modelClass: "Gemma2ForCausalLM",
  tensors: [...COMMON, ...FOUR_NORMS],
  numbers: [
    ...DECODER_NUMBERS,
    WINDOW,
    ["attn_logit_softcapping", "attn_logit_softcapping", "float32"],
    ["final_logit_softcapping", "final_logit_softcapping", "float32"],
  ],
  otherKeys: ["rope.freq_base", "rope.dimension_count", "attention.value_length"],
  readConfig(path, metadata, _tensors, numbers) {
    checkWidths(path, "gemma2", metadata, numbers);
    return {
      hidden_act: GATED_ACTIVATION,
      hidden_activation: GATED_ACTIVATION,
      rope_theta: numberField(path, metadata, "gemma2.rope.freq_base") ?? 10_000,
      query_pre_attn_scalar: queryScalar(numbers, GEMMA2_LARGEST),
    };
  },
  writeMetadata(config) {
    requireActivation(config);
    checkQueryScalar(config, GEMMA2_LARGEST);
    const { theta, scaling } = ropeOf(config);
    if (scaling !== undefined) throw unsupported("config.json", "rope_scaling", scaling, "absent");
    return new Map<string, GgufValue>([["rope.freq_base", float32(theta)], ...widths(config)]);
  },
};

/** The rotary settings of both kinds of layer, in either spelling of config.json. */
function gemma3Rope(config: Config): { theta: number; localTheta: number; scaling: Config | undefined } {
  const parameters = config.rope_parameters as Record<string, Config> | undefined;
  if (parameters?.full_attention) {
    const { theta, scaling } = ropeOf({ rope_parameters: parameters.full_attention });
    const local = ropeOf({ rope_parameters: parameters.sliding_attention ?? parameters.full_attention });
    return { theta, localTheta: local.theta, scaling };
  }
  const { theta, scaling } = ropeOf({ rope_theta: 1_000_000, ...config });
  return { theta, localTheta: configNumber(config, "rope_local_base_freq") ?? LOCAL_ROPE_THETA, scaling };
}

function layerTypes(layers: number, pattern: number): string[] {
  return Array.from({ length: layers }, (_, layer) =>
    (layer + 1) % pattern === 0 ? "full_attention" : "sliding_attention",
  );
}

const GEMMA3_LARGEST = 62;
export const gemma3: Architecture = {
  name: "gemma3",
  modelTypes: ["gemma3_text"],
  modelClass: "Gemma3ForCausalLM",
  tensors: [
    ...COMMON,
    ...FOUR_NORMS,
    ["blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.q_norm.weight", "norm-offset"],
    ["blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.k_norm.weight", "norm-offset"],
  ],
  numbers: [...DECODER_NUMBERS, WINDOW],
  otherKeys: [
    "rope.freq_base",
    "rope.freq_base_swa",
    "rope.dimension_count",
    "attention.value_length",
    "attention.sliding_window_pattern",
    "final_logit_softcapping",
    ...ROPE_SCALING_KEYS,
  ],
  readConfig(path, metadata, tensors, numbers) {
    checkWidths(path, "gemma3", metadata, numbers);
    const theta = numberField(path, metadata, "gemma3.rope.freq_base") ?? 1_000_000;
    const pattern = numberField(path, metadata, "gemma3.attention.sliding_window_pattern") ?? GEMMA3_PATTERN;
    if (!(Number.isInteger(pattern) && pattern > 0))
      throw unsupported(path, "gemma3.attention.sliding_window_pattern", pattern, "a positive integer");
    return {
      hidden_activation: GATED_ACTIVATION,
      attention_bias: false,
      query_pre_attn_scalar: queryScalar(numbers, GEMMA3_LARGEST),
      sliding_window_pattern: pattern,
      layer_types: layerTypes(requiredNumber(numbers, "num_hidden_layers"), pattern),
      rope_theta: theta,
      rope_local_base_freq: numberField(path, metadata, "gemma3.rope.freq_base_swa") ?? LOCAL_ROPE_THETA,
      rope_scaling: readRopeScaling(path, "gemma3", metadata, tensors, {
        theta,
        headWidth: headWidth(numbers),
      }),
      attn_logit_softcapping: null,
      final_logit_softcapping: numberField(path, metadata, "gemma3.final_logit_softcapping") ?? null,
    };
  },
  writeMetadata(config) {
    requireActivation(config);
    checkQueryScalar(config, GEMMA3_LARGEST);
    requireConfig(config, "final_logit_softcapping", [undefined]);
    requireConfig(config, "attn_logit_softcapping", [undefined]);
    requireConfig(config, "use_bidirectional_attention", [false, undefined]);
    const { theta, localTheta, scaling } = gemma3Rope(config);
    if (localTheta !== LOCAL_ROPE_THETA)
      throw unsupported("config.json", "rope_local_base_freq", localTheta, `${LOCAL_ROPE_THETA}`);
    const expected = layerTypes(requiredNumber(config, "num_hidden_layers"), GEMMA3_PATTERN);
    const types = (config.layer_types ?? expected) as readonly unknown[];
    if (types.length !== expected.length || types.some((type, layer) => type !== expected[layer]))
      throw unsupported("config.json", "layer_types", types, `global at every ${GEMMA3_PATTERN}th layer`);
    requireConfig(config, "sliding_window_pattern", [GEMMA3_PATTERN, undefined]);
    return new Map<string, GgufValue>([
      ["rope.freq_base", float32(theta)],
      ...widths(config),
      ...writeRopeScaling(scaling),
    ]);
  },
};
