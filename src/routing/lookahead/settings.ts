/**
 * Settings of a Lookahead model: what is stored beside its weights.
 *
 * Source: "Lookahead Routing for Large Language Models", arXiv 2510.19506; paper and released code disagree on
 * several values, see docs/lookahead.md.
 */
import { z } from "zod";

/**
 * - mlm: bidirectional encoder; all responses masked out side by side, routed from [CLS] (section on MLM variant)
 * - clm: causal decoder; one identifier token per candidate, routed from its hidden state
 * - mlc: the encoder on the prompt alone, without response modelling: the baseline that shows what lookahead adds
 */
export const VARIANTS = ["mlm", "clm", "mlc"] as const;
export type Variant = (typeof VARIANTS)[number];

/** How the routing head is trained; formulas in routing-loss.ts. */
export const ROUTING_LOSSES = ["bce", "kl", "reverse-kl", "ce", "mse"] as const;
export type RoutingLoss = (typeof ROUTING_LOSSES)[number];

/** Which scores are comparable: one scale per benchmark (the paper), or stretched once more per prompt (its code). */
export const NORMALISATIONS = ["dataset", "prompt"] as const;
export type Normalisation = (typeof NORMALISATIONS)[number];

/** Which of a response's tokens are hidden first; "none" hides all of them from the first step on. */
export const MASKINGS = ["right", "left", "random", "none"] as const;
export type Masking = (typeof MASKINGS)[number];

/** Which parameters of a run are kept: those of least routing loss, or whose choices score best (the paper). */
export const BEST_BY = ["routing-loss", "score"] as const;
export type BestBy = (typeof BEST_BY)[number];

/** mlm: all candidates in one sequence, or one sequence each. */
export const PREDICTIONS = ["joint", "separate"] as const;
export type Prediction = (typeof PREDICTIONS)[number];

/** Position ids of a candidate's block: from the prompt's length on, or after the block before it. */
export const POSITION_POLICIES = ["restart", "running"] as const;
export type PositionPolicy = (typeof POSITION_POLICIES)[number];

/** What the routing head of a joint encoder reads. */
export const POOLINGS = ["mean", "cls", "blocks"] as const;
export type Pooling = (typeof POOLINGS)[number];

/** Which tokens of a long response are modelled; see spans.ts. */
export const SPANS = ["head", "tail", "informative"] as const;
export type Span = (typeof SPANS)[number];

/** Fields with a default are absent from the files of earlier versions, which knew only that value. */
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
  /** Prompt, identifier and response together; longer responses lose their end. No limit of its own when absent. */
  maxSequenceTokens: z.int().positive().max(1_048_576).optional(),
  /**
   * What the routing head of a joint encoder reads: "cls", the first position (the released code), the mean over the
   * candidates' "blocks" (the paper's text: all identifier states), or the "mean" over prompt and blocks, which
   * small backbones learn from far fewer prompts. Decoders and separate encoders read the identifier's state.
   */
  pooling: z.enum(POOLINGS),
  prediction: z.enum(PREDICTIONS).default("joint"),
  positions: z.enum(POSITION_POLICIES).default("restart"),
  span: z.enum(SPANS).default("head"),
  masking: z.enum(MASKINGS).default("right"),
  /** Dropout before the output layer; 0.1 in the paper. */
  headDropout: z.number().min(0).max(0.9),
  /** What the scores mean to the loss: good among this prompt's answers, or good on the benchmark's own scale. */
  labels: z.enum(["relative", "absolute"]),
  normalisation: z.enum(NORMALISATIONS).default("prompt"),
  routingLoss: z.enum(ROUTING_LOSSES).default("bce"),
  /** bce: a candidate is good from this share of the prompt's best normalised score on; 0.8 in the paper. */
  labelThreshold: z.number().positive().max(1).default(0.8),
  /** kl, reverse-kl: targets are softmax(score / temperature); 0.1 in the released code. */
  temperature: z.number().positive().max(1_000).default(0.1),
  /** lambda, the weight of response modelling in training: candidates that join later are learned with it too. */
  responseWeight: z.number().nonnegative().default(0.5),
  tokenizerSha256: z.string(),
  tokens: z.strictObject({
    cls: z.int().nonnegative(),
    sep: z.int().nonnegative(),
    pad: z.int().nonnegative(),
    /** Hides response tokens under separate prediction. */
    mask: z.int().nonnegative().optional(),
  }),
});

export type LookaheadSettings = z.infer<typeof settingsSchema>;
