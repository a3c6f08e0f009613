/** What a finished tuning says, as `tuning.json` keeps it. */
import type { Interval } from "../evaluation/index.ts";
import type { SettingStatus } from "./search.ts";
import type { Setting } from "./tunable-method.ts";

export interface TunedSetting {
  readonly method: string;
  readonly setting: Setting;
  readonly status: SettingStatus;
  readonly folds: number;
  readonly seconds: number;
  /** Of the time that all trials took, 0 to 1. */
  readonly timeShare: number;
  /**
   * Cross-validated mean normalised score over the folds done. The choice was made with it, so that it flatters the chosen
   * setting: it is no result.
   */
  readonly usedForChoosing?: number;
}

/** The chosen router on prompts that neither training nor choosing has seen. */
export interface HoldoutResult {
  readonly prompts: number;
  /** Mean over benchmarks of 100 (native - random) / (oracle - random). */
  readonly normalised: number;
  /** 95 % bootstrap over the held-out prompts. */
  readonly interval: Interval;
  readonly benchmarks: Readonly<
    Record<
      string,
      {
        readonly n: number;
        readonly native: number;
        readonly normalised: number;
        readonly interval: Interval;
      }
    >
  >;
  /** The difference to the model that is best on the other prompts, always asked. */
  readonly overBestSingle: { readonly model: string; readonly mean: number; readonly interval: Interval };
}

export interface TuningResult {
  readonly format: "tutti-tuning-1";
  readonly seed: number;
  readonly folds: number;
  readonly holdoutShare: number;
  readonly embedder: string;
  readonly candidates: readonly string[];
  readonly budgetSeconds: number;
  /** All runs together. */
  readonly searchSeconds: number;
  readonly hasBudgetEnded: boolean;
  /** Prompts searched with, which the router is also trained on, and prompts set apart. */
  readonly prompts: { readonly search: number; readonly holdout: number };
  readonly chosen: { readonly method: string; readonly setting: Setting };
  readonly settings: readonly TunedSetting[];
  readonly holdout: HoldoutResult;
}
