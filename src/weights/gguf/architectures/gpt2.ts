/** GPT-2: its checkpoints hold matrices as [in, out]. */
import type { Architecture, TensorNameRow } from "../architecture.ts";
import { requireConfig } from "./decoder.ts";

const LAYER: readonly (readonly [string, string])[] = [
  ["attn_norm", "ln_1"],
  ["ffn_norm", "ln_2"],
];
const MATRICES: readonly (readonly [string, string])[] = [
  ["attn_qkv", "attn.c_attn"],
  ["attn_output", "attn.c_proj"],
  ["ffn_up", "mlp.c_fc"],
  ["ffn_down", "mlp.c_proj"],
];

export const gpt2: Architecture = {
  name: "gpt2",
  modelTypes: ["gpt2"],
  modelClass: "GPT2LMHeadModel",
  tensors: [
    ["token_embd.weight", "transformer.wte.weight"],
    ["position_embd.weight", "transformer.wpe.weight"],
    ["output_norm.weight", "transformer.ln_f.weight"],
    ["output_norm.bias", "transformer.ln_f.bias"],
    ["output.weight", "lm_head.weight"],
    ...[...LAYER, ...MATRICES].flatMap(([gguf, name]): TensorNameRow[] => [
      [
        `blk.{}.${gguf}.weight`,
        `transformer.h.{}.${name}.weight`,
        name.startsWith("ln") ? "same" : "transposed",
      ],
      [`blk.{}.${gguf}.bias`, `transformer.h.{}.${name}.bias`],
    ]),
  ],
  numbers: [
    ["block_count", "n_layer", "uint32"],
    ["context_length", "n_positions", "uint32"],
    ["embedding_length", "n_embd", "uint32"],
    ["attention.head_count", "n_head", "uint32"],
    ["attention.layer_norm_epsilon", "layer_norm_epsilon", "float32", 1e-5],
  ],
  otherKeys: ["feed_forward_length"],
  readConfig(_path, _metadata, tensors) {
    const [inner] = tensors.shape("blk.0.ffn_up.weight") ?? [];
    return { activation_function: "gelu_new", ...(inner === undefined ? {} : { n_inner: inner }) };
  },
  writeMetadata(config) {
    requireConfig(config, "activation_function", ["gelu_new", undefined]);
    const width = Number(config.n_embd);
    const value = Number(config.n_inner ?? 4 * width);
    return new Map([["feed_forward_length", { type: "uint32" as const, value }]]);
  },
};
