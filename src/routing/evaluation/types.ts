/** The result of comparing routers: plain data, the same that `tutti router eval --json` writes. */
import type { Interval } from "../../statistics/interval.ts";
import type { AgainstSingle } from "./against-single.ts";
import type { ChoiceConfusion } from "./confusion.ts";
import type { CostAnalysis } from "./cost-analysis.ts";
import type { RouterReliability } from "./reliability-analysis.ts";
import type { TrainingOverlap } from "./training-overlap.ts";

export type { Interval };

export interface BenchmarkResult {
  /** The benchmark's own metric, on its own scale. */
  readonly native: number;
  /** 100 (native - random) / (oracle - random) */
  readonly normalised: number;
  /** Of the normalised score. */
  readonly interval: Interval;
  /** Share of prompts sent to each model, 0 to 1. */
  readonly shares: Readonly<Record<string, number>>;
  /** Model per record id. */
  readonly choices: Readonly<Record<string, string>>;
}

/** Several runs of one method, say with several seeds. */
export interface AverageResult {
  /** Mean normalised score of each run. */
  readonly runs: readonly number[];
  readonly normalised: number;
  /** Of the average over runs, prompts resampled. */
  readonly interval: Interval;
  /** Normalised score by benchmark. */
  readonly benchmarks: Readonly<Record<string, number>>;
}

export interface RouterEvaluation {
  readonly benchmarks: Readonly<
    Record<string, { readonly n: number; readonly routers: Readonly<Record<string, BenchmarkResult>> }>
  >;
  /** Plain mean of the normalised scores over benchmarks. */
  readonly mean: Readonly<Record<string, { readonly normalised: number; readonly interval: Interval }>>;
  /** Averages that were asked for. */
  readonly averages?: Readonly<Record<string, AverageResult>>;
  /** Mean normalised score of `router` minus that of `baseline`, on the same resampled prompts. */
  readonly differences: readonly {
    readonly router: string;
    readonly baseline: string;
    readonly mean: number;
    readonly interval: Interval;
  }[];
  /** Absent where only choices were compared. */
  readonly analysis?: RouterAnalysis;
}

/**
 * What lies beyond ranking routers. Quality here is the mean over benchmarks of the scores of the chosen answers, each
 * benchmark's scores put on 0 to 100 (scores within [0, 1] times 100; other scales min-max over the benchmark).
 */
export interface RouterAnalysis {
  readonly models: readonly string[];
  /** The router that the analysis is about: the one that serves. */
  readonly served: string;
  readonly quality: Readonly<Record<string, { readonly quality: number; readonly interval: Interval }>>;
  /** `evaluation`: chosen with hindsight on these very prompts, as no training data was known. */
  readonly bestSingle: { readonly model: string; readonly chosenOn: "training" | "evaluation" };
  readonly againstSingle: Readonly<Record<string, AgainstSingle>>;
  readonly confusion: Readonly<Record<string, ChoiceConfusion>>;
  readonly costs?: CostAnalysis;
  readonly reliability?: Readonly<Record<string, RouterReliability>>;
  /** Absent where routers of no folder were compared. */
  readonly trainingOverlap?: TrainingOverlap;
  /** RouteLLM's measures, where there are two candidates. */
  readonly pair?: PairAnalysis;
}

export interface PairAnalysis {
  readonly strong: string;
  readonly weak: string;
  readonly strongQuality: number;
  readonly weakQuality: number;
  readonly routers: Readonly<
    Record<string, { readonly apgr: number; readonly cpt50?: number; readonly cpt80?: number }>
  >;
}
