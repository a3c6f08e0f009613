/**
 * What each answer of each prompt is worth to the number that routers are graded by, as one value a prompt: the mean of
 * these over benchmarks is the mean normalised score, so that settings can be compared prompt by prompt.
 *
 *   gain(x, t) = 100 (u(x, t) - random_b) / (oracle_b - random_b)
 *
 * u is the utility of candidate t's answer to prompt x (see `utilityOf`), random_b and oracle_b are the means over the
 * prompts of benchmark b of the candidates' mean and of the best candidate.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { measureUtilityRules, utilityOf } from "../evaluation/utilities.ts";

/** One row per record, one gain per candidate; zeros where a benchmark leaves nothing to gain. */
export function promptGains(records: readonly JudgedRecord[], candidates: readonly string[]): Float64Array[] {
  const rules = measureUtilityRules(records, candidates);
  const utilities = records.map((record) => {
    const rule = rules.get(record.benchmark)!;
    return Float64Array.from(candidates, (name) => utilityOf(rule, record, name));
  });
  const scales = new Map<string, { random: number; oracle: number; prompts: number }>();
  for (const [index, { benchmark }] of records.entries()) {
    const row = utilities[index]!;
    const scale = scales.get(benchmark) ?? { random: 0, oracle: 0, prompts: 0 };
    scale.random += row.reduce((sum, value) => sum + value, 0) / row.length;
    scale.oracle += Math.max(...row);
    scale.prompts++;
    scales.set(benchmark, scale);
  }
  return records.map(({ benchmark }, index) => {
    const { random, oracle, prompts } = scales.get(benchmark)!;
    const width = oracle - random;
    return utilities[index]!.map((utility) => (width > 0 ? (100 * (prompts * utility - random)) / width : 0));
  });
}
