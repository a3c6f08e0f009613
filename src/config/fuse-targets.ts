/**
 * How FuseChat-3.0 trained each of its targets (arXiv 2503.04222 and the table of its repository). Everything else is the same
 * for all: SFT 3 epochs, DPO 1 epoch, batches of 128, 2,048 tokens, cosine, 0.1 warm-up.
 */

export interface FuseTarget {
  readonly sftLearningRate: number;
  readonly dpoLearningRate: number;
  readonly beta: number;
  readonly isLengthNormalised: boolean;
}

export const FUSE_TARGETS = {
  "llama-3.1-8b": { sftLearningRate: 5e-6, dpoLearningRate: 8e-7, beta: 10, isLengthNormalised: true },
  "llama-3.2-3b": { sftLearningRate: 5e-6, dpoLearningRate: 1e-6, beta: 10, isLengthNormalised: true },
  "llama-3.2-1b": { sftLearningRate: 5e-6, dpoLearningRate: 1e-6, beta: 10, isLengthNormalised: true },
  "qwen-2.5-7b": { sftLearningRate: 2e-6, dpoLearningRate: 3e-7, beta: 0.01, isLengthNormalised: false },
  "gemma-2-9b": { sftLearningRate: 2e-6, dpoLearningRate: 5e-7, beta: 0.01, isLengthNormalised: false },
} as const satisfies Readonly<Record<string, FuseTarget>>;

export type FuseTargetName = keyof typeof FUSE_TARGETS;

export const FUSE_TARGET_NAMES = Object.keys(FUSE_TARGETS) as [FuseTargetName, ...FuseTargetName[]];

/** Betas of the paper with and without length normalisation, which are a thousand times apart. */
export const fuseBeta = (isLengthNormalised: boolean): number => (isLengthNormalised ? 10 : 0.01);
