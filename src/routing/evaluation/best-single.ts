/**
 * The best single model, chosen on data that is not the test: chosen on the test itself it looks better than anyone
 * could have known, and every gain over it smaller.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { candidateScores, normaliseWithinPrompt } from "../labels.ts";

/**
 * Index of the candidate with the highest mean over benchmarks, each benchmark counting once; ties to the lowest.
 *
 * @param rows mean score of every candidate, one row a benchmark
 */
export function bestSingleOf(rows: Iterable<ArrayLike<number>>): number {
  let sums: number[] = [];
  for (const row of rows)
    sums = Array.from({ length: row.length }, (_, index) => (sums[index] ?? 0) + row[index]!);
  if (sums.length === 0)
    throw new TuttiError(
      "DATASET_INVALID",
      "best single model: received no benchmark, expected at least one",
    );
  return sums.indexOf(Math.max(...sums));
}

/**
 * Name of the candidate with the highest mean over benchmarks of scores min-max normalised within each prompt.
 *
 * @throws {TuttiError} DATASET_INVALID without records; RECORD_INVALID for a missing score
 */
export function bestSingleModel(records: readonly JudgedRecord[], candidates: readonly string[]): string {
  const sums = new Map<string, { count: number; row: Float64Array }>();
  for (const record of records) {
    const scores = normaliseWithinPrompt(candidateScores(record, candidates));
    const entry = sums.get(record.benchmark) ?? { count: 0, row: new Float64Array(candidates.length) };
    entry.count++;
    for (const [index, score] of scores.entries()) entry.row[index]! += score;
    sums.set(record.benchmark, entry);
  }
  return candidates[bestSingleOf([...sums.values()].map(({ count, row }) => row.map((sum) => sum / count)))]!;
}
