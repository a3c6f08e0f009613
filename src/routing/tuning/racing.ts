/** Comparing two settings on the prompts that both have chosen for: racing drops what is clearly behind. */
import { benchmarkWeights, weightedMean } from "../evaluation/paired-bootstrap.ts";

export interface PairedDifference {
  readonly mean: number;
  readonly standardError: number;
}

/** How many standard errors behind is clearly behind. */
const CLEAR_STANDARD_ERRORS = 2;

/**
 * Mean over benchmarks of the difference per prompt, with the standard error of a stratified sample:
 *
 *   SE^2 = sum over b of s_b^2 / (n_b B^2)
 *
 * A benchmark of one prompt has no spread of its own; its difference stands in for it.
 *
 * @param differences one per prompt
 * @param benchmarks benchmark of every prompt
 */
export function pairedDifference(
  differences: ArrayLike<number>,
  benchmarks: readonly string[],
): PairedDifference {
  const groups = new Map<string, number[]>();
  for (const [index, benchmark] of benchmarks.entries()) {
    const group = groups.get(benchmark);
    if (group) group.push(differences[index]!);
    else groups.set(benchmark, [differences[index]!]);
  }
  let variance = 0;
  for (const group of groups.values()) {
    const centre = group.length > 1 ? group.reduce((sum, value) => sum + value, 0) / group.length : 0;
    const squares = group.reduce((sum, value) => sum + (value - centre) ** 2, 0);
    variance += squares / (Math.max(1, group.length - 1) * group.length * groups.size ** 2);
  }
  return {
    mean: weightedMean(differences, benchmarkWeights(benchmarks)),
    standardError: Math.sqrt(variance),
  };
}

/** mean + 2 SE < 0 */
export function isClearlyBehind({ mean, standardError }: PairedDifference): boolean {
  return mean + CLEAR_STANDARD_ERRORS * standardError < 0;
}
