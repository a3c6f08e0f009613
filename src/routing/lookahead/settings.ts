/**
 * Settings of a Lookahead model: what is stored beside its weights.
 *
 * Source: "Lookahead Routing for Large Language Models", arXiv 2510.19506; paper and released code disagree on
 * several values, see docs/papers.md.
 */
import { z } from "zod";

/**
 * - mlm: bidirectional encoder; all responses masked out side by side, routed from [CLS] (section on MLM variant)
 * - clm: causal decoder; one identifier token per candidate, routed from its hidden state
 * - mlc: the encoder on the prompt alone, without response modelling: the baseline that shows what lookahead adds
 */
export const VARIANTS = ["mlm", "clm", "mlc"] as const;
export type Variant = (typeof VARIANTS)[number];

export const settingsSchema = z.strictObject({
  format: z.literal("tutti-lookahead-1"),
  variant: z.enum(VARIANTS),
  candidates: z.array(z.string().min(1)).min(2),
  /** Token id that stands for each candidate; empty for mlc. */
  candidateTokenIds: z.array(z.int().nonnegative()),
  /** config.json of the backbone. */
  backbone: z.record(z.string(), z.unknown()),
  /** Response tokens modelled per candidate (m); 64 in the paper. */
  responseTokens: z.int().positive().max(8_192),
  /** Longer prompts keep their last tokens. */
  maxPromptTokens: z.int().positive().max(1_048_576),
  /**
   * What the routing head of an encoder reads: "cls", the first position (the released code), or "mean" over the
   * prompt and all response positions (the paper's text speaks of all of them), which small backbones learn from
   * far fewer prompts. A decoder always reads its identifier tokens.
   */
  pooling: z.enum(["cls", "mean"]),
  /** Dropout before the output layer; 0.1 in the paper. */
  headDropout: z.number().min(0).max(0.9),
  labels: z.enum(["relative", "absolute"]),
  tokenizerSha256: z.string(),
  tokens: z.strictObject({
    cls: z.int().nonnegative(),
    sep: z.int().nonnegative(),
    pad: z.int().nonnegative(),
  }),
});

export type LookaheadSettings = z.infer<typeof settingsSchema>;
