/** The result of comparing routers: plain data, the same that `tutti router eval --json` writes. */

/** Lower and upper bound of a 95 % percentile bootstrap interval. */
export type Interval = readonly [low: number, high: number];

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

export interface RouterEvaluation {
  readonly benchmarks: Readonly<
    Record<string, { readonly n: number; readonly routers: Readonly<Record<string, BenchmarkResult>> }>
  >;
  /** Plain mean of the normalised scores over benchmarks. */
  readonly mean: Readonly<Record<string, { readonly normalised: number; readonly interval: Interval }>>;
  /** Mean normalised score of `router` minus that of `baseline`, on the same resampled prompts. */
  readonly differences: readonly {
    readonly router: string;
    readonly baseline: string;
    readonly mean: number;
    readonly interval: Interval;
  }[];
}
