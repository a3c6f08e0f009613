/**
 * Means over benchmarks with paired bootstrap intervals: prompts are resampled within their benchmark, the same
 * resamples for every column, so that differences and ratios of columns are compared on the same prompts.
 *
 * Source: Efron and Tibshirani 1993, percentile intervals.
 */
import { RandomStream, streamOf } from "../../tensor/random.ts";

export interface Bootstrap {
  readonly samples: number;
  readonly seed: number;
}

/** One weight a prompt, summing to 1: every benchmark counts once, and within it every prompt alike. */
export function benchmarkWeights(benchmarks: readonly string[]): Float64Array {
  const sizes = new Map<string, number>();
  for (const benchmark of benchmarks) sizes.set(benchmark, (sizes.get(benchmark) ?? 0) + 1);
  return Float64Array.from(benchmarks, (benchmark) => 1 / (sizes.size * sizes.get(benchmark)!));
}

export function weightedMean(values: ArrayLike<number>, weights: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) sum += weights[index]! * values[index]!;
  return sum;
}

/**
 * Mean over benchmarks of every column in every resample: result[column][sample].
 *
 * @param columns one value a prompt each
 * @param benchmarks benchmark of every prompt
 */
export function bootstrapMeans(
  columns: readonly ArrayLike<number>[],
  benchmarks: readonly string[],
  { samples, seed }: Bootstrap,
): Float64Array[] {
  const groups = new Map<string, number[]>();
  for (const [prompt, benchmark] of benchmarks.entries()) {
    const group = groups.get(benchmark);
    if (group) group.push(prompt);
    else groups.set(benchmark, [prompt]);
  }
  const means = columns.map(() => new Float64Array(samples));
  for (const [benchmark, prompts] of groups) {
    const stream = new RandomStream({ seed, stream: streamOf(`paired bootstrap ${benchmark}`) });
    const weight = 1 / (groups.size * prompts.length);
    const drawn = new Int32Array(prompts.length);
    for (let sample = 0; sample < samples; sample++) {
      for (let index = 0; index < drawn.length; index++)
        drawn[index] = prompts[stream.nextInteger(prompts.length)]!;
      for (const [column, values] of columns.entries()) {
        let sum = 0;
        for (const prompt of drawn) sum += values[prompt]!;
        means[column]![sample]! += weight * sum;
      }
    }
  }
  return means;
}
