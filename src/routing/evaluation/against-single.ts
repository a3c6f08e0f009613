/** A router against the best single model, prompt by prompt, and how much of the way to the oracle it goes. */
import { percentileInterval } from "../../statistics/interval.ts";
import { type Bootstrap, benchmarkWeights, bootstrapMeans, weightedMean } from "./paired-bootstrap.ts";
import type { Interval } from "./types.ts";

export interface AgainstSingle {
  /** Prompts on which the router's answer was better, worse, and as good. */
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
  /** Mean quality of the router minus that of the single model. */
  readonly difference: number;
  readonly interval: Interval;
  /** (router - single) / (oracle - single); undefined when the single model is as good as the oracle. */
  readonly gapRecovered?: number;
  readonly gapInterval?: Interval;
}

export interface AgainstSingleInput {
  /** Quality of the answer each router got, one value a prompt, by router. */
  readonly routers: Readonly<Record<string, Float64Array>>;
  readonly single: Float64Array;
  readonly oracle: Float64Array;
  readonly benchmarks: readonly string[];
  readonly bootstrap: Bootstrap;
}

/** Means are over benchmarks; intervals are paired over prompts. */
export function compareWithSingle(input: AgainstSingleInput): {
  readonly mean: Readonly<Record<string, { readonly quality: number; readonly interval: Interval }>>;
  readonly against: Readonly<Record<string, AgainstSingle>>;
} {
  const { routers, single, oracle, benchmarks, bootstrap } = input;
  const columns = [single, oracle, ...Object.values(routers)];
  const weights = benchmarkWeights(benchmarks);
  const plain = columns.map((values) => weightedMean(values, weights));
  const resampled = bootstrapMeans(columns, benchmarks, bootstrap);
  const mean: Record<string, { quality: number; interval: Interval }> = {};
  const against: Record<string, AgainstSingle> = {};
  for (const [position, [router, values]] of Object.entries(routers).entries()) {
    const column = position + 2;
    const own = resampled[column]!;
    mean[router] = { quality: plain[column]!, interval: percentileInterval(own) };
    const gap = plain[1]! - plain[0]!;
    const shares = own
      .map((value, sample) => {
        const reach = resampled[1]![sample]! - resampled[0]![sample]!;
        return reach > 0 ? (value - resampled[0]![sample]!) / reach : Number.NaN;
      })
      .filter((share) => !Number.isNaN(share));
    against[router] = {
      ...countOutcomes(values, single),
      difference: plain[column]! - plain[0]!,
      interval: percentileInterval(own.map((value, sample) => value - resampled[0]![sample]!)),
      ...(gap > 0 && {
        gapRecovered: (plain[column]! - plain[0]!) / gap,
        gapInterval: percentileInterval(shares),
      }),
    };
  }
  return { mean, against };
}

function countOutcomes(values: Float64Array, single: Float64Array) {
  let [wins, losses, ties] = [0, 0, 0];
  for (const [prompt, value] of values.entries()) {
    if (value > single[prompt]!) wins++;
    else if (value < single[prompt]!) losses++;
    else ties++;
  }
  return { wins, losses, ties };
}
