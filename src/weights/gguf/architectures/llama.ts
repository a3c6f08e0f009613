/** Llama 1 to 3, SmolLM2, Mistral: llama.cpp's converter permutes the rows of the query and key projections. */
import type { Architecture } from "../architecture.ts";
import { configNumber, float32, numberField, uint32, unsupported } from "../fields.ts";
import type { GgufValue } from "../metadata.ts";
import { ROPE_SCALING_KEYS, readRopeScaling, ropeOf, writeRopeScaling } from "../rope-scaling.ts";
import { DECODER_NUMBERS, DECODER_TENSORS, headWidth, PLAIN_NORMS, requireConfig } from "./decoder.ts";

const ATTENTION_BIAS = "blk.0.attn_q.bias";

export const llama: Architecture = {
  name: "llama",
  modelTypes: ["llama", "mistral"],
  modelClass: "LlamaForCausalLM",
  tensors: [
    ...DECODER_TENSORS,
    ...PLAIN_NORMS,
    ["blk.{}.attn_q.weight", "model.layers.{}.self_attn.q_proj.weight", "query-rows"],
    ["blk.{}.attn_k.weight", "model.layers.{}.self_attn.k_proj.weight", "key-rows"],
    ["blk.{}.attn_q.bias", "model.layers.{}.self_attn.q_proj.bias", "query-rows"],
    ["blk.{}.attn_k.bias", "model.layers.{}.self_attn.k_proj.bias", "key-rows"],
    ["blk.{}.attn_v.bias", "model.layers.{}.self_attn.v_proj.bias"],
    ["blk.{}.attn_output.bias", "model.layers.{}.self_attn.o_proj.bias"],
    ["blk.{}.ffn_gate.bias", "model.layers.{}.mlp.gate_proj.bias"],
    ["blk.{}.ffn_up.bias", "model.layers.{}.mlp.up_proj.bias"],
    ["blk.{}.ffn_down.bias", "model.layers.{}.mlp.down_proj.bias"],
  ],
  numbers: DECODER_NUMBERS,
  otherKeys: [
    "rope.freq_base",
    "rope.dimension_count",
    "attention.value_length",
    "expert_count",
    "expert_used_count",
    ...ROPE_SCALING_KEYS,
  ],
  readConfig(path, metadata, tensors, numbers) {
    const width = headWidth(numbers);
    for (const key of ["llama.rope.dimension_count", "llama.attention.value_length"]) {
      const value = numberField(path, metadata, key) ?? width;
      if (value !== width) throw unsupported(path, key, value, `${width}, the width of a head`);
    }
    const experts = numberField(path, metadata, "llama.expert_count") ?? 0;
    if (experts !== 0) throw unsupported(path, "llama.expert_count", experts, "0");
    const theta = numberField(path, metadata, "llama.rope.freq_base") ?? 10_000;
    return {
      hidden_act: "silu",
      attention_bias: tensors.has(ATTENTION_BIAS),
      mlp_bias: tensors.has("blk.0.ffn_up.bias"),
      rope_theta: theta,
      rope_scaling: readRopeScaling(path, "llama", metadata, tensors, { theta, headWidth: width }),
    };
  },
  writeMetadata(config) {
    requireConfig(config, "hidden_act", ["silu", undefined]);
    requireConfig(config, "partial_rotary_factor", [1, undefined]);
    const window = configNumber(config, "sliding_window");
    const context = configNumber(config, "max_position_embeddings") ?? 0;
    if (window !== undefined && window < context) {
      throw unsupported("config.json", "sliding_window", window, "absent, or at least the context length");
    }
    const { theta, scaling } = ropeOf(config);
    return new Map<string, GgufValue>([
      ["rope.freq_base", float32(theta)],
      ["rope.dimension_count", uint32(headWidth(config))],
      ["attention.value_length", uint32(headWidth(config))],
      ...writeRopeScaling(scaling),
    ]);
  },
};
