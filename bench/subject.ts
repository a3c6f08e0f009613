/** What a benchmark is made of. Every subject is a process of its own, so that peak memory is its own. */

export interface Subject {
  readonly name: string;
  /** Python subjects run in the interpreter of TUTTI_PYTHON. */
  readonly runtime: "node" | "python";
  readonly script: string;
  readonly args: readonly string[];
}

export interface Benchmark {
  readonly name: string;
  readonly subjects: readonly Subject[];
  /** What one measurement is, such as "seconds per step". */
  readonly unit: string;
  /** [ours, peer] by name; medians are divided. */
  readonly ratios: readonly (readonly [string, string])[];
}

export interface SubjectResult {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly peakRssBytes: number;
  readonly rounds: readonly number[];
}
