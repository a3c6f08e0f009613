/**
 * Compares routers on judged records: native and normalised scores, shares, and bootstrap intervals over prompts.
 *
 * Within each benchmark prompts are resampled with replacement, the same resamples for every router, so that
 * differences are paired. Random and oracle are computed anew in every resample, as the normalised score of the
 * resample demands. The mean over benchmarks combines resample k of each benchmark.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { percentileInterval } from "../../statistics/interval.ts";
import { TuttiError } from "../../support/errors.ts";
import { RandomStream, streamOf } from "../../tensor/random.ts";
import { type Metric, oracleChoices, prepareMetric } from "./metrics.ts";
import type { AverageResult, BenchmarkResult, Interval, RouterEvaluation } from "./types.ts";

export const ORACLE = "oracle";

export interface EvaluateRoutersInput {
  readonly records: readonly JudgedRecord[];
  readonly candidates: readonly string[];
  /** Candidate index per record, by router. The oracle is always added. */
  readonly choices: Readonly<Record<string, Int32Array>>;
  /** @default 1000 */
  readonly bootstrapSamples?: number;
  /** @default 0 */
  readonly seed?: number;
  /** Runs of one method, say with several seeds, whose scores are averaged under one name: names of `choices`. */
  readonly averages?: Readonly<Record<string, readonly string[]>>;
  /** Routers or averages. */
  readonly comparisons?: readonly { readonly router: string; readonly baseline: string }[];
}

/** 100 (native - random) / (oracle - random); 0 where oracle and random coincide and nothing can be gained. */
export function normalisedScore(native: number, random: number, oracle: number): number {
  return oracle === random ? 0 : (100 * (native - random)) / (oracle - random);
}

interface BenchmarkScores {
  readonly n: number;
  readonly native: Readonly<Record<string, number>>;
  readonly normalised: Readonly<Record<string, number>>;
  /** Normalised score in every resample. */
  readonly resampled: Readonly<Record<string, Float64Array>>;
}

function scoresOf(
  metric: Metric,
  prompts: Int32Array,
  fixed: readonly Int32Array[],
  choices: Readonly<Record<string, Int32Array>>,
) {
  const random = fixed.reduce((sum, choice) => sum + metric(prompts, choice), 0) / fixed.length;
  const native: Record<string, number> = {};
  for (const [router, choice] of Object.entries(choices)) native[router] = metric(prompts, choice);
  const normalised: Record<string, number> = {};
  for (const [router, value] of Object.entries(native))
    normalised[router] = normalisedScore(value, random, native[ORACLE]!);
  return { random, native, normalised };
}

function scoreBenchmark(
  benchmark: string,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  choices: Readonly<Record<string, Int32Array>>,
  samples: number,
  seed: number,
): BenchmarkScores {
  const metric = prepareMetric(benchmark, records, candidates);
  const n = records.length;
  const all = Int32Array.from({ length: n }, (_, index) => index);
  const fixed = candidates.map((_, index) => new Int32Array(n).fill(index));
  const { native, normalised } = scoresOf(metric, all, fixed, choices);
  const resampled: Record<string, Float64Array> = {};
  for (const router of Object.keys(choices)) resampled[router] = new Float64Array(samples);
  const stream = new RandomStream({ seed, stream: streamOf(`bootstrap ${benchmark}`) });
  const prompts = new Int32Array(n);
  for (let sample = 0; sample < samples; sample++) {
    for (let index = 0; index < n; index++) prompts[index] = stream.nextInteger(n);
    const values = scoresOf(metric, prompts, fixed, choices).normalised;
    for (const router of Object.keys(choices)) resampled[router]![sample] = values[router]!;
  }
  return { n, native, normalised, resampled };
}

/**
 * @throws {TuttiError} DATASET_INVALID without records; INVALID_ARGUMENT when a router's choices do not fit or a
 *   comparison names an unknown router; RECORD_INVALID when a benchmark's metric lacks a field
 */
export function evaluateRouters(input: EvaluateRoutersInput): RouterEvaluation {
  const { records, candidates, bootstrapSamples = 1000, seed = 0, comparisons = [] } = input;
  if (records.length === 0) throw new TuttiError("DATASET_INVALID", "no records to evaluate on");
  const choices: Record<string, Int32Array> = {
    ...input.choices,
    [ORACLE]: oracleChoices(records, candidates),
  };
  checkChoices(choices, records.length, candidates.length);
  const groups = groupByBenchmark(records);
  const scores = new Map<string, BenchmarkScores>();
  const benchmarks: Record<string, RouterEvaluation["benchmarks"][string]> = {};
  for (const [benchmark, indices] of groups) {
    const members = indices.map((index) => records[index]!);
    const own: Record<string, Int32Array> = {};
    for (const [router, all] of Object.entries(choices))
      own[router] = Int32Array.from(indices, (index) => all[index]!);
    const result = scoreBenchmark(benchmark, members, candidates, own, bootstrapSamples, seed);
    scores.set(benchmark, result);
    const routers: Record<string, BenchmarkResult> = {};
    for (const router of Object.keys(choices)) {
      routers[router] = {
        native: result.native[router]!,
        normalised: result.normalised[router]!,
        interval: percentileInterval(result.resampled[router]!),
        ...describeChoices(members, candidates, own[router]!),
      };
    }
    benchmarks[benchmark] = { n: members.length, routers };
  }
  const mean: Record<string, { normalised: number; interval: Interval }> = {};
  const means = new Map<string, MeanScore>(
    Object.keys(choices).map((router) => [router, meanOverBenchmarks([...scores.values()], router)]),
  );
  for (const [router, { normalised, resampled }] of means)
    mean[router] = { normalised, interval: percentileInterval(resampled) };
  const averages: Record<string, AverageResult> = {};
  for (const [name, runs] of Object.entries(input.averages ?? {})) {
    const members = runs.map((run) => means.get(run) ?? unknownRouter(run));
    const average = averageOf(members);
    means.set(name, average);
    averages[name] = {
      runs: members.map(({ normalised }) => normalised),
      normalised: average.normalised,
      interval: percentileInterval(average.resampled),
      benchmarks: Object.fromEntries(
        [...scores].map(([benchmark, { normalised }]) => [
          benchmark,
          runs.reduce((sum, run) => sum + normalised[run]! / runs.length, 0),
        ]),
      ),
    };
  }
  const differences = comparisons.map(({ router, baseline }) => {
    const [a, b] = [means.get(router), means.get(baseline)];
    if (!a || !b)
      throw new TuttiError("INVALID_ARGUMENT", `comparison of unknown routers: ${router} and ${baseline}`);
    const resampled = a.resampled.map((value, sample) => value - b.resampled[sample]!);
    return { router, baseline, mean: a.normalised - b.normalised, interval: percentileInterval(resampled) };
  });
  return { benchmarks, mean, differences, ...(input.averages && { averages }) };
}

interface MeanScore {
  readonly normalised: number;
  /** In every resample. */
  readonly resampled: Float64Array;
}

function averageOf(members: readonly MeanScore[]): MeanScore {
  const resampled = new Float64Array(members[0]!.resampled.length);
  let normalised = 0;
  for (const member of members) {
    normalised += member.normalised / members.length;
    for (let sample = 0; sample < resampled.length; sample++)
      resampled[sample]! += member.resampled[sample]! / members.length;
  }
  return { normalised, resampled };
}

function unknownRouter(name: string): never {
  throw new TuttiError("INVALID_ARGUMENT", `${name} is neither a router of \`choices\` nor an average`);
}

function meanOverBenchmarks(scores: readonly BenchmarkScores[], router: string) {
  const samples = scores[0]!.resampled[router]!.length;
  const resampled = new Float64Array(samples);
  let normalised = 0;
  for (const score of scores) {
    normalised += score.normalised[router]! / scores.length;
    for (let sample = 0; sample < samples; sample++)
      resampled[sample]! += score.resampled[router]![sample]! / scores.length;
  }
  return { normalised, resampled };
}

function groupByBenchmark(records: readonly JudgedRecord[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, { benchmark }] of records.entries()) {
    const group = groups.get(benchmark);
    if (group) group.push(index);
    else groups.set(benchmark, [index]);
  }
  return groups;
}

function describeChoices(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  choices: Int32Array,
) {
  const named: Record<string, string> = {};
  const shares: Record<string, number> = Object.fromEntries(candidates.map((candidate) => [candidate, 0]));
  for (const [index, { id }] of records.entries()) {
    const candidate = candidates[choices[index]!]!;
    named[id] = candidate;
    shares[candidate]! += 1 / records.length;
  }
  return { shares, choices: named };
}

function checkChoices(
  choices: Readonly<Record<string, Int32Array>>,
  records: number,
  candidates: number,
): void {
  for (const [router, indices] of Object.entries(choices)) {
    const isLegal = indices.length === records && indices.every((index) => index >= 0 && index < candidates);
    if (!isLegal) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `router ${router}: expected ${records} candidate indices below ${candidates}`,
      );
    }
  }
}
