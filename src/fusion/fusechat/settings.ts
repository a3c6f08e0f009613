/** What a FuseChat-3.0 run is told: every rule of the paper as a value, as a checked fuse file gives them. */
import type { JsonObject } from "../../judged/index.ts";

export interface FuseSource {
  /** Name in the pool. */
  readonly model: string;
  /** Of its requests, over those of the pool. */
  readonly parameters: JsonObject;
  /** Whether it answers held-out prompts too. */
  readonly evaluate: boolean;
}

/** Prompts held out for the evaluation: a share of the domain's, or files of their own. */
export type Holdout = ({ readonly share: number } | { readonly files: readonly string[] }) & {
  readonly most?: number;
};

export interface AnswerRule {
  readonly choose: "best" | "correct-then-best" | "first" | "vote";
  /** Of the prompts that are kept; the others give pairs. FuseChat-3.0: 0.4 */
  readonly promptShare: number;
}

export interface PairRule {
  readonly choose: "same-source" | "cross-source" | "shortest-above-mean" | "none";
  readonly leastGap: number;
  /** null: no limit */
  readonly mostGap: number | null;
  /** Which source gives the pair where several could. */
  readonly sources: "largest-gap" | "first" | "all";
  /** Whether the chosen answer is correct and the rejected one wrong. */
  readonly verified: boolean;
  /** What becomes of prompts that give no pair: they are left out before prompts are divided, or learned as answers. */
  readonly unpaired: "drop" | "sft";
}

export interface FuseDomain {
  readonly name: string;
  readonly prompts: readonly string[];
  /** Regular expressions; prompts that match are left out. */
  readonly exclude: readonly string[];
  readonly most?: number | undefined;
  readonly holdout: Holdout;
  /** Which of the sources, and how many answers of each to each prompt. */
  readonly sources: readonly { readonly model: string; readonly samples: number }[];
  /** Judges, as they are named on the command line. */
  readonly verifier?: string | undefined;
  readonly correctAt: number;
  readonly scorer?: string | undefined;
  readonly sft: AnswerRule;
  readonly pairs: PairRule;
}

/** How the work of sampling or judging is done; none of it alters an answer or a verdict. */
export interface WorkSettings {
  readonly concurrency: number;
  readonly leaseSeconds: number;
  readonly budgetUsd?: number | undefined;
  readonly budgetTokens?: number | undefined;
  /** Share of the answers, or verdicts, that may fail for good. */
  readonly failuresAllowed: number;
}

export interface FuseTraining {
  readonly epochs: number;
  readonly batch: number;
  readonly maxTokens: number;
  readonly tokensAtOnce: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly optimizer: "adamw" | "adamw-8bit";
  readonly schedule: "cosine" | "linear" | "constant";
  readonly warmup: number;
  readonly clip: number;
  readonly lora?: { readonly rank: number; readonly alpha?: number | undefined } | undefined;
  readonly checkpointEvery: number;
}

export interface FusePreference extends FuseTraining {
  readonly loss: "sigmoid" | "hinge" | "ipo" | "robust";
  readonly beta: number;
  readonly lengthNormalised: boolean;
  readonly labelSmoothing: number;
  /** Which checkpoint, by its loss on pairs held out; FuseChat-3.0 keeps the better of the last two. */
  readonly keep: "better-of-last-two" | "best" | "last";
  readonly validationShare: number;
}

export interface FuseSettings {
  readonly name: string;
  readonly seed: number;
  readonly threads: number;
  readonly sources: readonly FuseSource[];
  readonly target: {
    readonly model: string;
    readonly parameters: JsonObject;
    readonly maxBatch: number;
    readonly contextTokens?: number | undefined;
  };
  readonly domains: readonly FuseDomain[];
  readonly sampling: WorkSettings;
  readonly judging: WorkSettings;
  readonly sft: FuseTraining;
  readonly dpo: FusePreference;
  readonly evaluation: {
    readonly samples: number;
    readonly parameters: JsonObject;
    readonly resamples: number;
  };
}
