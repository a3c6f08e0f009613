/** What the heads of a candidate learn: numbers per judged prompt, on scales that candidates share. */
import type { JudgedRecord } from "../../judged/record.ts";
import { measureUtilityRules, type UtilityRule, utilityOf } from "../evaluation/utilities.ts";
import { absoluteScores, benchmarkRanges, candidateScores } from "../labels.ts";
import { answerTokens } from "../length/index.ts";
import { answerFeatures } from "./answer-features.ts";
import { pickRows } from "./heads.ts";
import { type LatentBenchmark, PART_WIDTHS, type Part } from "./settings.ts";

export type MeasuredBenchmark = Omit<LatentBenchmark, "task">;

/** Rule, scale and range of every benchmark, in order of appearance, measured on the pool's answers. */
export function measureBenchmarks(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  kind: "utility" | "score",
): MeasuredBenchmark[] {
  const rules = measureUtilityRules(records, candidates);
  const ranges = benchmarkRanges(records, candidates);
  return [...rules].map(([name, measured]) => {
    const rule: UtilityRule = kind === "utility" ? measured : { kind: "score" };
    const members = records.filter(({ benchmark }) => benchmark === name);
    const utilities = members.map((record) =>
      candidates.map((candidate) => utilityOf(rule, record, candidate)),
    );
    const means = utilities.map(mean);
    const squares = utilities.flatMap((row, index) => row.map((value) => (value - means[index]!) ** 2));
    return {
      name,
      rule,
      range: ranges.get(name)!,
      centre: mean(means),
      spread: Math.sqrt(mean(squares)) || 1,
    };
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Targets of every part for one candidate, [records, outputs] row-major. */
export type Targets = Readonly<Record<Part, Float64Array>>;

/** @throws {TuttiError} RECORD_INVALID when a record lacks the candidate's answer or what its benchmark is graded by */
export function candidateTargets(
  records: readonly JudgedRecord[],
  benchmarks: readonly MeasuredBenchmark[],
  benchmarkOf: Int32Array,
  name: string,
): Targets {
  const utility = new Float64Array(records.length);
  const quality = new Float64Array(records.length);
  const answer = new Float64Array(records.length * PART_WIDTHS.answer);
  for (const [row, record] of records.entries()) {
    const { rule, centre, spread, range } = benchmarks[benchmarkOf[row]!]!;
    const score = candidateScores(record, [name]);
    const judged = record.candidates[name]!;
    utility[row] = (utilityOf(rule, record, name) - centre) / spread;
    quality[row] = absoluteScores(score, range)[0]!;
    answer.set(
      [Math.log(answerTokens(judged)), ...answerFeatures(judged.response)],
      row * PART_WIDTHS.answer,
    );
  }
  return { utility, quality, answer };
}

/**
 * Targets of all candidates side by side for the rows of one task, [rows, candidates x outputs]; relative ones have the
 * mean of their row subtracted.
 */
export function joinTargets(
  rows: Int32Array,
  targets: readonly Targets[],
  part: Part,
  isRelative: boolean,
): Float64Array {
  const width = PART_WIDTHS[part];
  const columns = targets.map((target) => pickRows(target[part], rows, width));
  const total = width * targets.length;
  const joined = new Float64Array(rows.length * total);
  for (let row = 0; row < rows.length; row++) {
    const values = joined.subarray(row * total, (row + 1) * total);
    for (const [index, column] of columns.entries()) {
      values.set(column.subarray(row * width, (row + 1) * width), index * width);
    }
    if (!isRelative) continue;
    const centre = values.reduce((sum, value) => sum + value, 0) / total;
    for (let index = 0; index < total; index++) values[index]! -= centre;
  }
  return joined;
}
