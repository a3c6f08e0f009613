/** Hyper-parameters of `tutti router train`: the defaults, the paper's, the released scripts'; see docs/lookahead.md. */
import { defaultTokenizerPath } from "../text/index.ts";
import type { LookaheadOptions, Variant } from "./lookahead/index.ts";

/**
 * Defaults for a small backbone from scratch, or for a pretrained one.
 *
 * The paper trains 135 M and 149 M parameters on 60,000 prompts; these train in minutes on thousands. Kept from
 * the paper: lambda 0.2 (mlm) and 0.5 (clm), curriculum over the first 40 %, epochs, clipping at 1, cosine schedule.
 */
export function lookaheadDefaults(variant: Variant, isPretrained: boolean): LookaheadOptions {
  return {
    variant,
    labels: "relative",
    normalisation: "prompt",
    routingLoss: "bce",
    labelThreshold: 0.8,
    temperature: 0.1,
    pooling: "mean",
    prediction: "joint",
    positions: "restart",
    span: "head",
    masking: "right",
    responseTokens: 16,
    maxPromptTokens: 128,
    learningRate: isPretrained ? 5e-5 : 5e-4,
    weightDecay: 0,
    warmupShare: 0.05,
    maxGradientNorm: 1,
    checkpointEverySteps: 50,
    validations: 6,
    bestBy: "routing-loss",
    threads: 2,
    tokenizerPath: defaultTokenizerPath,
    seed: 0,
    epochs: variant === "clm" ? 2 : 4,
    batchSize: 16,
    accumulation: 1,
    lambda: variant === "clm" ? 0.5 : 0.2,
    curriculumFraction: 0.4,
    curriculumStart: 0.3,
  };
}

export const LOOKAHEAD_PRESETS = ["default", "paper", "released-code"] as const;
export type LookaheadPreset = (typeof LOOKAHEAD_PRESETS)[number];

/** Longest sequence of the paper: prompt, identifier and response of one candidate. */
const PAPER_SEQUENCE_TOKENS = 2048;
const PAPER_RESPONSE_TOKENS = 64;

/**
 * Options by name. "paper" takes every value the paper states (arXiv 2510.19506), "released-code" those of its
 * scripts where they differ, both meant for its backbones (SmolLM2-135M, ModernBERT-base) and a machine to match.
 */
export function lookaheadPreset(
  preset: LookaheadPreset,
  variant: Variant,
  isPretrained: boolean,
): LookaheadOptions {
  const defaults = lookaheadDefaults(variant, isPretrained);
  if (preset === "default") return defaults;
  const paper: LookaheadOptions = {
    ...defaults,
    ...paperSizes(variant),
    normalisation: "dataset",
    pooling: "blocks",
    learningRate: 5e-5,
    warmupShare: 0,
    validateEverySteps: 100,
    bestBy: "score",
    curriculumFraction: 0.4,
    seed: 42,
  };
  if (preset === "paper") return paper;
  return {
    ...paper,
    normalisation: "prompt",
    pooling: "cls",
    learningRate: 1e-5,
    curriculumFraction: 0.2,
    validateEverySteps: variant === "clm" ? 50 : 100,
    // With packed sequences, which its scripts ask for, the code's restarting ids are not passed on.
    positions: variant === "mlm" ? "running" : "restart",
  };
}

/** Batches of 64 prompts; clm keeps 2,038 tokens of a prompt, mlm 1,981 and the two around them. */
function paperSizes(
  variant: Variant,
): Pick<
  LookaheadOptions,
  "responseTokens" | "maxPromptTokens" | "maxSequenceTokens" | "batchSize" | "accumulation"
> {
  if (variant === "clm") {
    return {
      responseTokens: PAPER_SEQUENCE_TOKENS - 1,
      maxPromptTokens: 2038,
      maxSequenceTokens: PAPER_SEQUENCE_TOKENS,
      batchSize: 2,
      accumulation: 32,
    };
  }
  return {
    responseTokens: PAPER_RESPONSE_TOKENS,
    maxPromptTokens:
      variant === "mlm" ? PAPER_SEQUENCE_TOKENS - PAPER_RESPONSE_TOKENS - 1 : PAPER_SEQUENCE_TOKENS,
    batchSize: 32,
    accumulation: 2,
  };
}
