/**
 * Each benchmark's own metric. A metric is prepared once from the records and then evaluated for any assignment
 * of candidates to prompts, over any multiset of prompts: what bootstrap resampling needs.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { lengthControlledWinRate } from "../../statistics/length-controlled.ts";
import { TuttiError } from "../../support/errors.ts";
import { candidateScores } from "../labels.ts";

/**
 * @param prompts indices of records, repeats allowed
 * @param choices candidate index per record (not per entry of `prompts`)
 */
export type Metric = (prompts: Int32Array, choices: Int32Array) => number;

type Prepare = (records: readonly JudgedRecord[], candidates: readonly string[]) => Metric;

/** [records x candidates] of one number per answer. */
function table(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  read: (record: JudgedRecord, candidate: string) => unknown,
  field: string,
): Float64Array {
  const values = new Float64Array(records.length * candidates.length);
  for (const [row, record] of records.entries()) {
    for (const [column, candidate] of candidates.entries()) {
      values[row * candidates.length + column] = finite(
        read(record, candidate),
        record,
        `candidates.${candidate}.${field}`,
      );
    }
  }
  return values;
}

function finite(value: unknown, record: JudgedRecord, field: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new TuttiError(
    "RECORD_INVALID",
    `record ${JSON.stringify(record.id)}: ${field} is ${JSON.stringify(value) ?? "missing"}, expected a number: ${record.benchmark} is scored with it`,
    { details: { recordId: record.id, field }, hint: "rename the benchmark to score it by its mean score" },
  );
}

const scoreTable = (records: readonly JudgedRecord[], candidates: readonly string[]): Float64Array => {
  const rows = records.map((record) => candidateScores(record, candidates));
  const values = new Float64Array(records.length * candidates.length);
  for (const [row, scores] of rows.entries()) values.set(scores, row * candidates.length);
  return values;
};

/** factor x mean score */
const meanScore =
  (factor: number): Prepare =>
  (records, candidates) => {
    const scores = scoreTable(records, candidates);
    const width = candidates.length;
    return (prompts, choices) => {
      let sum = 0;
      for (const prompt of prompts) sum += scores[prompt * width + choices[prompt]!]!;
      return (factor * sum) / prompts.length;
    };
  };

/** 100 x sum of win points / sum of weights: what the two-player Bradley-Terry fit of Arena-Hard reduces to. */
const arenaHard: Prepare = (records, candidates) => {
  const points = table(
    records,
    candidates,
    (record, name) => record.candidates[name]?.win_points,
    "win_points",
  );
  const weights = table(records, candidates, (record, name) => record.candidates[name]?.weight, "weight");
  const width = candidates.length;
  return (prompts, choices) => {
    let [pointSum, weightSum] = [0, 0];
    for (const prompt of prompts) {
      const index = prompt * width + choices[prompt]!;
      pointSum += points[index]!;
      weightSum += weights[index]!;
    }
    return (100 * pointSum) / weightSum;
  };
};

/** The length-controlled win rate, refitted for every routed mixture. */
const alpacaEval: Prepare = (records, candidates) => {
  const scores = scoreTable(records, candidates);
  const lengths = table(
    records,
    candidates,
    (record, name) => [...(record.candidates[name]?.response ?? "")].length,
    "response",
  );
  const reference = records.map((record) => finite(record.reference_chars, record, "reference_chars"));
  const difficulty = records.map((record) => finite(record.lc_difficulty, record, "lc_difficulty"));
  const width = candidates.length;
  return (prompts, choices) => {
    const at = (prompt: number): number => prompt * width + choices[prompt]!;
    return lengthControlledWinRate({
      winProbabilities: Float64Array.from(prompts, (prompt) => scores[at(prompt)]!),
      lengthDifferences: Float64Array.from(prompts, (prompt) => reference[prompt]! - lengths[at(prompt)]!),
      difficulties: Float64Array.from(prompts, (prompt) => difficulty[prompt]!),
    });
  };
};

const METRICS: Readonly<Record<string, Prepare>> = {
  AlpacaEval: alpacaEval,
  ArenaHard: arenaHard,
  "MT-Bench": meanScore(1),
};

/** The metric of a benchmark; 100 x mean score for all that have no metric of their own. */
export function prepareMetric(
  benchmark: string,
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): Metric {
  const prepare = Object.hasOwn(METRICS, benchmark) ? METRICS[benchmark]! : meanScore(100);
  return prepare(records, candidates);
}

/** Candidate with the best score for every record, ties to the lowest index. */
export function oracleChoices(records: readonly JudgedRecord[], candidates: readonly string[]): Int32Array {
  return Int32Array.from(records, (record) => {
    const scores = candidateScores(record, candidates);
    return scores.indexOf(Math.max(...scores));
  });
}
