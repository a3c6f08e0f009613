/** Default hyper-parameters of `tutti router train`; sources in docs/papers.md. */
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
    pooling: "mean",
    responseTokens: 16,
    maxPromptTokens: 128,
    learningRate: isPretrained ? 5e-5 : 5e-4,
    weightDecay: 0,
    warmupShare: 0.05,
    maxGradientNorm: 1,
    checkpointEverySteps: 50,
    validations: 6,
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
