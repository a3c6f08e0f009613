/** Qwen2 and Qwen2.5 (biases on queries, keys and values), Qwen3 (norms of queries and keys). */
import type { Architecture, TensorNameRow } from "../architecture.ts";
import { configNumber, float32, numberField, uint32, unsupported } from "../fields.ts";
import type { GgufValue } from "../metadata.ts";
import { ROPE_SCALING_KEYS, readRopeScaling, ropeOf, writeRopeScaling } from "../rope-scaling.ts";
import {
  DECODER_NUMBERS,
  DECODER_TENSORS,
  headWidth,
  PLAIN_NORMS,
  requireConfig,
  SAME_QUERY_KEY,
} from "./decoder.ts";

function qwen(name: "qwen2" | "qwen3", modelClass: string, tensors: readonly TensorNameRow[]): Architecture {
  return {
    name,
    modelTypes: [name],
    modelClass,
    tensors: [...DECODER_TENSORS, ...SAME_QUERY_KEY, ...PLAIN_NORMS, ...tensors],
    numbers: DECODER_NUMBERS,
    otherKeys: ["rope.freq_base", "rope.dimension_count", "attention.value_length", ...ROPE_SCALING_KEYS],
    readConfig(path, metadata, facts, numbers) {
      const width = headWidth(numbers);
      const valueWidth = numberField(path, metadata, `${name}.attention.value_length`) ?? width;
      if (valueWidth !== width)
        throw unsupported(path, `${name}.attention.value_length`, valueWidth, `${width}`);
      const theta = numberField(path, metadata, `${name}.rope.freq_base`) ?? 10_000;
      return {
        hidden_act: "silu",
        use_sliding_window: false,
        rope_theta: theta,
        rope_scaling: readRopeScaling(path, name, metadata, facts, { theta, headWidth: width }),
        ...(name === "qwen3" ? { attention_bias: false } : {}),
      };
    },
    writeMetadata(config) {
      requireConfig(config, "hidden_act", ["silu", undefined]);
      requireConfig(config, "use_sliding_window", [false, undefined]);
      if (name === "qwen3") requireConfig(config, "attention_bias", [false, undefined]);
      const { theta, scaling } = ropeOf(config);
      if (scaling?.rope_type === "llama3")
        throw unsupported("config.json", "rope_scaling", scaling, '"linear" or "yarn"');
      const width: [string, GgufValue][] =
        configNumber(config, "head_dim") === undefined
          ? []
          : [["attention.value_length", uint32(headWidth(config))]];
      return new Map<string, GgufValue>([
        ["rope.freq_base", float32(theta)],
        ...width,
        ...writeRopeScaling(scaling),
      ]);
    },
  };
}

export const qwen2: Architecture = qwen("qwen2", "Qwen2ForCausalLM", [
  ["blk.{}.attn_q.bias", "model.layers.{}.self_attn.q_proj.bias"],
  ["blk.{}.attn_k.bias", "model.layers.{}.self_attn.k_proj.bias"],
  ["blk.{}.attn_v.bias", "model.layers.{}.self_attn.v_proj.bias"],
]);

export const qwen3: Architecture = qwen("qwen3", "Qwen3ForCausalLM", [
  ["blk.{}.attn_q_norm.weight", "model.layers.{}.self_attn.q_norm.weight"],
  ["blk.{}.attn_k_norm.weight", "model.layers.{}.self_attn.k_norm.weight"],
]);
