/** What a benchmark is made of. Every subject is a process of its own, so that peak memory is its own. */

export interface Subject {
  readonly name: string;
  /** Python subjects run in the interpreter of TUTTI_PYTHON. */
  readonly runtime: "node" | "python";
  readonly script: string;
  readonly args: readonly string[];
  /** Floating-point operations that it does for a unit, where it does more than the benchmark's `flopsPerUnit`. */
  readonly executedFlopsPerUnit?: number;
}

/** Rows, inner size and columns of a matrix product. */
export type Product = readonly [rows: number, inner: number, columns: number];

export interface Benchmark {
  readonly name: string;
  readonly subjects: readonly Subject[];
  /** What one measurement is, such as "seconds per step". */
  readonly unit: string;
  /** [ours, peer] by name; medians are divided. */
  readonly ratios: readonly (readonly [string, string])[];
  /** For GFLOP/s and the share of the machine's peak. */
  readonly throughput?: {
    /** Floating-point operations that a unit asks for, whoever does it. */
    readonly flopsPerUnit: number;
    /** Products whose fastest is the peak, measured beside the subjects. */
    readonly products: readonly Product[];
  };
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface SubjectResult {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly peakRssBytes: number;
  readonly rounds: readonly number[];
  /** What else the subject said of itself when it was ready, such as the share of padding. */
  readonly figures?: Readonly<Record<string, number>>;
  /** What else the rounds measured, by name. */
  readonly cells?: Readonly<Record<string, Spread>>;
  /** flopsPerUnit / median / 1e9 */
  readonly gflopsPerSecond?: number;
  /** Of the fastest matrix product's median. */
  readonly shareOfPeak?: number;
  /** The same with the operations that the subject does, recomputed ones among them. */
  readonly executedGflopsPerSecond?: number;
  readonly executedShareOfPeak?: number;
}

/** The matrix products measured in the same rounds, by "ROWSxINNERxCOLUMNS". */
export interface PeakResult {
  readonly product: string;
  readonly gflopsPerSecond: number;
  readonly products: Readonly<Record<string, SubjectResult>>;
}
