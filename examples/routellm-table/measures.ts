/** What is reported of each method: RouteLLM's measures with two models, the mean score of the choices with more. */
import type { JudgedRecord } from "../../src/judged/index.ts";
import {
  averageImprovementInQuality,
  averagePerformanceGapRecovered,
  callPerformanceThreshold,
  strongShareCurve,
  sweepLambda,
} from "../../src/routing/evaluation/index.ts";
import { argmax } from "../../src/routing/router.ts";
import { RandomStream, streamOf } from "../../src/tensor/random.ts";
import type { Scores } from "./methods.ts";

const RESAMPLES = 200;

/** Means over seeds; intervals: 95 %, prompts resampled, the same resamples for every method. */
export interface Measured {
  readonly value: number;
  readonly interval: readonly [number, number];
  /** Lowest and highest seed. */
  readonly seeds: readonly [number, number];
  /** With two models: strong share at which half and 80 % of the gap are recovered. */
  readonly cpt50?: number | undefined;
  readonly cpt80?: number | undefined;
  /** With list prices: average improvement in quality over the prices from 0 to the dearest model's. */
  readonly aiq?: number | undefined;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * APGR for two candidates, 100 x mean score of the chosen one for more.
 *
 * @param prices of one token by candidate; the data of nine models has no token counts, so every answer counts as equally long
 */
export function measure(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  runs: readonly Scores[],
  prices?: readonly number[],
): Record<string, Measured> {
  const quality = records.map((record) => candidates.map((name) => record.candidates[name]!.score));
  const all = Int32Array.from(records.keys());
  const stream = new RandomStream({ seed: 0, stream: streamOf("resamples of prompts") });
  const resamples = Array.from({ length: RESAMPLES }, () =>
    Int32Array.from(records, () => stream.nextInteger(records.length)),
  );
  const results: Record<string, Measured> = {};
  for (const method of Object.keys(runs[0]!)) {
    const graders = runs.map((run) =>
      candidates.length === 2 ? gapRecovered(quality, run[method]!) : meanScore(quality, run[method]!),
    );
    const perSeed = graders.map((grade) => grade(all).value);
    const spread = resamples
      .map((prompts) => mean(graders.map((grade) => grade(prompts).value)))
      .sort((a, b) => a - b);
    const thresholds = graders.map((grade) => grade(all));
    const average = (read: (one: Graded) => number | undefined): number | undefined => {
      const known = thresholds.map(read);
      return known.some((value) => value === undefined) ? undefined : mean(known as number[]);
    };
    results[method] = {
      value: mean(perSeed),
      interval: [spread[Math.floor(0.025 * RESAMPLES)]!, spread[Math.ceil(0.975 * RESAMPLES) - 1]!],
      seeds: [Math.min(...perSeed), Math.max(...perSeed)],
      cpt50: average(({ cpt50 }) => cpt50),
      cpt80: average(({ cpt80 }) => cpt80),
      aiq: prices && mean(runs.map((run) => improvementInQuality(quality, run[method]!, prices))),
    };
  }
  return results;
}

function improvementInQuality(
  quality: readonly number[][],
  scores: readonly number[][],
  prices: readonly number[],
): number {
  const costs = quality.map(() => Float64Array.from(prices));
  const points = sweepLambda(
    scores.map((row) => Float64Array.from(row)),
    costs,
    {
      quality: quality.map((row) => Float64Array.from(row, (score) => 100 * score)),
      costs,
      weights: new Float64Array(quality.length).fill(1 / quality.length),
    },
  );
  return averageImprovementInQuality(points, { low: 0, high: Math.max(...prices) });
}

interface Graded {
  readonly value: number;
  readonly cpt50?: number | undefined;
  readonly cpt80?: number | undefined;
}

type Grade = (prompts: Int32Array) => Graded;

/** The stronger of the two models is the one with the higher mean. */
function gapRecovered(quality: readonly number[][], scores: readonly number[][]): Grade {
  const means = [0, 1].map((column) => mean(quality.map((row) => row[column]!)));
  const [strong, weak] = means[0]! >= means[1]! ? [0, 1] : [1, 0];
  return (prompts) => {
    const column = (rows: readonly number[][], index: number): Float64Array =>
      Float64Array.from(prompts, (prompt) => rows[prompt]![index]!);
    const pair = { strong: column(quality, strong!), weak: column(quality, weak!) };
    const preference = Float64Array.from(
      prompts,
      (prompt) => scores[prompt]![strong!]! - scores[prompt]![weak!]!,
    );
    const curve = strongShareCurve(preference, pair);
    const low = mean([...pair.weak]);
    const high = mean([...pair.strong]);
    return {
      value: averagePerformanceGapRecovered(curve, low, high),
      cpt50: callPerformanceThreshold(curve, low, high, 0.5),
      cpt80: callPerformanceThreshold(curve, low, high, 0.8),
    };
  };
}

function meanScore(quality: readonly number[][], scores: readonly number[][]): Grade {
  const achieved = quality.map((row, prompt) => row[argmax(scores[prompt]!)]!);
  return (prompts) => {
    let sum = 0;
    for (const prompt of prompts) sum += achieved[prompt]!;
    return { value: (100 * sum) / prompts.length };
  };
}

export function measuresTable(results: Readonly<Record<string, Measured>>): string {
  const rows = Object.entries(results).sort(([, a], [, b]) => b.value - a.value);
  return rows
    .map(([method, { value, interval, seeds, cpt50, cpt80, aiq }]) => {
      const digits = value > 2 ? 2 : 3;
      const share = (x: number | undefined): string => (x === undefined ? "-" : (100 * x).toFixed(1));
      const numbers = [value, ...interval, ...seeds].map((one) => one.toFixed(digits));
      const thresholds = value > 2 ? "" : `  CPT50 ${share(cpt50)}  CPT80 ${share(cpt80)}`;
      const improvement = aiq === undefined ? "" : `  AIQ ${aiq.toFixed(2)}`;
      return `${method.padEnd(32)} ${numbers[0]} [${numbers[1]}, ${numbers[2]}]  seeds ${numbers[3]} to ${numbers[4]}${thresholds}${improvement}\n`;
    })
    .join("");
}
