/** Settings of Lookahead models small enough to run in a test. */
import { smallBackboneConfig } from "../../src/routing/lookahead/backbone.ts";
import { type LookaheadSettings, settingsSchema } from "../../src/routing/lookahead/settings.ts";

/** Windows of two positions on each side, shorter than the rows. */
export const TINY_MODERNBERT: Record<string, unknown> = {
  model_type: "modernbert",
  vocab_size: 64,
  hidden_size: 32,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  intermediate_size: 48,
  max_position_embeddings: 64,
  local_attention: 4,
  global_attn_every_n_layers: 2,
};

export const TINY_GPT2: Record<string, unknown> = {
  model_type: "gpt2",
  vocab_size: 64,
  n_embd: 64,
  n_layer: 2,
  n_head: 4,
  n_positions: 64,
};

/** Three candidates "a", "b", "c" unless `changes` names others, which have the token ids from 5 on. */
export function tinyLookahead(
  changes: Partial<LookaheadSettings> & Pick<LookaheadSettings, "variant">,
): LookaheadSettings {
  const candidates = changes.candidates ?? ["a", "b", "c"];
  return settingsSchema.parse({
    format: "tutti-lookahead-1",
    candidates,
    candidateTokenIds: changes.variant === "mlc" ? [] : candidates.map((_, index) => 5 + index),
    backbone: smallBackboneConfig(changes.variant, 64),
    responseTokens: 4,
    maxPromptTokens: 32,
    pooling: "mean",
    headDropout: 0,
    responseWeight: 0.5,
    labels: "relative",
    tokenizerSha256: "",
    tokens: { cls: 2, sep: 3, pad: 0, mask: 4 },
    ...changes,
  });
}
