/**
 * Routers that were trained several times, over seeds or with another model held out: the mean of the runs' normalised
 * scores, with paired bootstrap intervals over prompts.
 *
 * The resamples are those of {@link evaluateRouters}, so a router of one run gets the same score and interval from both.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { RandomStream, streamOf } from "../../tensor/random.ts";
import { normalisedScore } from "./evaluate.ts";
import { percentileInterval } from "./interval.ts";
import { oracleChoices, prepareMetric } from "./metrics.ts";
import type { RouterEvaluation } from "./types.ts";

export interface EvaluateRunsInput {
  readonly records: readonly JudgedRecord[];
  readonly candidates: readonly string[];
  /** By router, one array of candidate indices per run, one index per record. */
  readonly runs: Readonly<Record<string, readonly Int32Array[]>>;
  readonly comparisons?: readonly { readonly router: string; readonly baseline: string }[];
  /** @default 1000 */
  readonly bootstrapSamples?: number;
  /** @default 0 */
  readonly seed?: number;
}

/** Means over runs and benchmarks. */
export type RunsEvaluation = Pick<RouterEvaluation, "mean" | "differences">;

/**
 * @throws {TuttiError} DATASET_INVALID without records; INVALID_ARGUMENT for a router without runs, choices that do not fit
 *   or a comparison of unknown routers; RECORD_INVALID when a benchmark's metric lacks a field
 */
export function evaluateRuns(input: EvaluateRunsInput): RunsEvaluation {
  const { records, candidates, runs, comparisons = [], bootstrapSamples = 1000, seed = 0 } = input;
  if (records.length === 0) throw new TuttiError("DATASET_INVALID", "no records to evaluate on");
  checkRuns(runs, records.length, candidates.length);
  const benchmarks = [...new Set(records.map(({ benchmark }) => benchmark))];
  // Sample 0 is the data themselves, the others are resamples.
  const means = new Map(Object.keys(runs).map((name) => [name, new Float64Array(bootstrapSamples + 1)]));
  for (const benchmark of benchmarks) {
    const indices = records.flatMap((record, index) => (record.benchmark === benchmark ? [index] : []));
    const members = indices.map((index) => records[index]!);
    const own = Object.entries(runs).map(
      ([name, all]) => [name, all.map((run) => Int32Array.from(indices, (index) => run[index]!))] as const,
    );
    const score = scorer(benchmark, members, candidates);
    const stream = new RandomStream({ seed, stream: streamOf(`bootstrap ${benchmark}`) });
    const n = members.length;
    for (let sample = 0; sample <= bootstrapSamples; sample++) {
      const prompts = Int32Array.from({ length: n }, (_, index) =>
        sample === 0 ? index : stream.nextInteger(n),
      );
      const normalised = score(prompts);
      for (const [name, choices] of own) {
        const total = choices.reduce((sum, run) => sum + normalised(run), 0);
        means.get(name)![sample]! += total / choices.length / benchmarks.length;
      }
    }
  }
  const summary = (values: Float64Array) => ({
    normalised: values[0]!,
    interval: percentileInterval(values.slice(1)),
  });
  return {
    mean: Object.fromEntries([...means].map(([name, values]) => [name, summary(values)])),
    differences: comparisons.map(({ router, baseline }) => {
      const [a, b] = [means.get(router), means.get(baseline)];
      if (!a || !b)
        throw new TuttiError("INVALID_ARGUMENT", `comparison of unknown routers: ${router} and ${baseline}`);
      const { normalised, interval } = summary(a.map((value, sample) => value - b[sample]!));
      return { router, baseline, mean: normalised, interval };
    }),
  };
}

/** For a multiset of prompts, the normalised score of any choices; random and oracle are those of the same prompts. */
function scorer(benchmark: string, records: readonly JudgedRecord[], candidates: readonly string[]) {
  const metric = prepareMetric(benchmark, records, candidates);
  const fixed = candidates.map((_, index) => new Int32Array(records.length).fill(index));
  const best = oracleChoices(records, candidates);
  return (prompts: Int32Array) => {
    const random = fixed.reduce((sum, choices) => sum + metric(prompts, choices), 0) / fixed.length;
    const oracle = metric(prompts, best);
    return (choices: Int32Array): number => normalisedScore(metric(prompts, choices), random, oracle);
  };
}

function checkRuns(
  runs: Readonly<Record<string, readonly Int32Array[]>>,
  records: number,
  candidates: number,
): void {
  for (const [name, all] of Object.entries(runs)) {
    const isLegal =
      all.length > 0 &&
      all.every((run) => run.length === records && run.every((index) => index >= 0 && index < candidates));
    if (isLegal) continue;
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `router ${name}: received ${all.length} runs, expected at least one, each with ${records} candidate indices below ${candidates}`,
    );
  }
}
