/** What Llama-like decoders have in common. */
import type { NumberRow, TensorNameRow } from "../architecture.ts";
import { type Config, configNumber, requiredNumber, unsupported } from "../fields.ts";

export const DECODER_TENSORS: readonly TensorNameRow[] = [
  ["token_embd.weight", "model.embed_tokens.weight"],
  ["output.weight", "lm_head.weight"],
  ["blk.{}.attn_v.weight", "model.layers.{}.self_attn.v_proj.weight"],
  ["blk.{}.attn_output.weight", "model.layers.{}.self_attn.o_proj.weight"],
  ["blk.{}.ffn_gate.weight", "model.layers.{}.mlp.gate_proj.weight"],
  ["blk.{}.ffn_up.weight", "model.layers.{}.mlp.up_proj.weight"],
  ["blk.{}.ffn_down.weight", "model.layers.{}.mlp.down_proj.weight"],
];

/** Query and key projections whose rows are arranged alike. */
export const SAME_QUERY_KEY: readonly TensorNameRow[] = [
  ["blk.{}.attn_q.weight", "model.layers.{}.self_attn.q_proj.weight"],
  ["blk.{}.attn_k.weight", "model.layers.{}.self_attn.k_proj.weight"],
];

/** Norms before attention, before the feed-forward part, and at the end. */
export const PLAIN_NORMS: readonly TensorNameRow[] = [
  ["output_norm.weight", "model.norm.weight"],
  ["blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"],
  ["blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight"],
];

export const DECODER_NUMBERS: readonly NumberRow[] = [
  ["block_count", "num_hidden_layers", "uint32"],
  ["context_length", "max_position_embeddings", "uint32"],
  ["embedding_length", "hidden_size", "uint32"],
  ["feed_forward_length", "intermediate_size", "uint32"],
  ["attention.head_count", "num_attention_heads", "uint32"],
  ["attention.head_count_kv", "num_key_value_heads", "uint32", "optional"],
  ["attention.layer_norm_rms_epsilon", "rms_norm_eps", "float32", 1e-6],
  ["attention.key_length", "head_dim", "uint32", "optional"],
];

/** Width of a head: `head_dim`, or the hidden size over the heads. */
export function headWidth(config: Config): number {
  return (
    configNumber(config, "head_dim") ??
    requiredNumber(config, "hidden_size") / requiredNumber(config, "num_attention_heads")
  );
}

/** Refuses a config.json whose key has another value than those that llama.cpp computes with. */
export function requireConfig(config: Config, key: string, allowed: readonly unknown[]): void {
  const value = config[key] ?? undefined;
  if (allowed.includes(value)) return;
  const names = allowed.map((item) => JSON.stringify(item) ?? "absent");
  throw unsupported("config.json", key, value, `${names.join(" or ")}: llama.cpp has no other`);
}
