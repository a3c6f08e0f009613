/** BERT encoders (MiniLM, BGE), under the names of the bare encoder. */
import type { Architecture, TensorNameRow } from "../architecture.ts";
import { bool, unsupported } from "../fields.ts";
import type { GgufValue } from "../metadata.ts";
import { requireConfig } from "./decoder.ts";

const LAYER: readonly (readonly [string, string])[] = [
  ["attn_q", "attention.self.query"],
  ["attn_k", "attention.self.key"],
  ["attn_v", "attention.self.value"],
  ["attn_output", "attention.output.dense"],
  ["attn_output_norm", "attention.output.LayerNorm"],
  ["ffn_up", "intermediate.dense"],
  ["ffn_down", "output.dense"],
  ["layer_output_norm", "output.LayerNorm"],
];

export const bert: Architecture = {
  name: "bert",
  modelTypes: ["bert"],
  modelClass: "BertModel",
  tensors: [
    ["token_embd.weight", "embeddings.word_embeddings.weight"],
    ["position_embd.weight", "embeddings.position_embeddings.weight"],
    ["token_types.weight", "embeddings.token_type_embeddings.weight"],
    ["token_embd_norm.weight", "embeddings.LayerNorm.weight"],
    ["token_embd_norm.bias", "embeddings.LayerNorm.bias"],
    ...LAYER.flatMap(([gguf, name]): TensorNameRow[] => [
      [`blk.{}.${gguf}.weight`, `encoder.layer.{}.${name}.weight`],
      [`blk.{}.${gguf}.bias`, `encoder.layer.{}.${name}.bias`],
    ]),
  ],
  numbers: [
    ["block_count", "num_hidden_layers", "uint32"],
    ["context_length", "max_position_embeddings", "uint32"],
    ["embedding_length", "hidden_size", "uint32"],
    ["feed_forward_length", "intermediate_size", "uint32"],
    ["attention.head_count", "num_attention_heads", "uint32"],
    ["attention.layer_norm_epsilon", "layer_norm_eps", "float32", 1e-12],
  ],
  otherKeys: ["attention.causal", "pooling_type"],
  readConfig(path, metadata, tensors) {
    const causal = metadata.get("bert.attention.causal")?.value ?? false;
    if (causal !== false) throw unsupported(path, "bert.attention.causal", causal, "false");
    return { hidden_act: "gelu", type_vocab_size: tensors.shape("token_types.weight")?.[0] ?? 2 };
  },
  writeMetadata(config) {
    requireConfig(config, "hidden_act", ["gelu", undefined]);
    requireConfig(config, "position_embedding_type", ["absolute", undefined]);
    return new Map<string, GgufValue>([["attention.causal", bool(false)]]);
  },
};
