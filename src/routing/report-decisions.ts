/** Which decisions a report shows as examples, and what it says of each. */
import { type JudgedRecord, promptText } from "../judged/record.ts";
import { candidateScores } from "./labels.ts";
import type { ReportDecision } from "./report/index.ts";

/** Of each kind, spread evenly over the records. */
const EXAMPLES_OF_A_KIND = 75;

export interface PickedDecisions {
  readonly decisions: readonly ReportDecision[];
  /** How they were picked, for readers who would count them. */
  readonly note: string;
}

export interface PickDecisionsInput {
  readonly records: readonly JudgedRecord[];
  readonly candidates: readonly string[];
  readonly choices: Int32Array;
  /** What the router made of the candidates, [prompt][candidate]. */
  readonly scores: readonly Float64Array[];
  /** [prompt][candidate] */
  readonly costsUsd?: readonly Float64Array[];
}

/**
 * As many good decisions as bad ones, among the prompts on which models differed: where all are equally good, a
 * decision teaches nothing.
 */
export function pickDecisions(input: PickDecisionsInput): PickedDecisions {
  const { records, candidates, choices } = input;
  const good: number[] = [];
  const bad: number[] = [];
  let undecided = 0;
  for (const [index, record] of records.entries()) {
    const scores = candidateScores(record, candidates);
    const highest = Math.max(...scores);
    if (scores.every((score) => score === highest)) undecided++;
    else (scores[choices[index]!] === highest ? good : bad).push(index);
  }
  const picked = [...spread(good, EXAMPLES_OF_A_KIND), ...spread(bad, EXAMPLES_OF_A_KIND)].sort(
    (a, b) => a - b,
  );
  return {
    decisions: picked.map((index) => describe(input, index)),
    note: `They are picked evenly from ${good.length} good decisions and ${bad.length} bad ones, so their mix is not the router's; on ${undecided} more prompts all models did equally well.`,
  };
}

const spread = (indices: readonly number[], count: number): number[] =>
  Array.from(
    { length: Math.min(count, indices.length) },
    (_, which) => indices[Math.floor(((which + 0.5) / Math.min(count, indices.length)) * indices.length)]!,
  );

function describe(
  { records, candidates, choices, scores, costsUsd }: PickDecisionsInput,
  index: number,
): ReportDecision {
  const record = records[index]!;
  const judged = candidateScores(record, candidates);
  const byName = (row: ArrayLike<number>): Record<string, number> =>
    Object.fromEntries(candidates.map((name, column) => [name, row[column]!]));
  return {
    id: record.id,
    benchmark: record.benchmark,
    prompt: promptText(record.prompt),
    chosen: candidates[choices[index]!]!,
    best: candidates[judged.indexOf(Math.max(...judged))]!,
    scores: byName(judged),
    expected: byName(scores[index]!),
    ...(costsUsd && { costsUsd: byName(costsUsd[index]!) }),
  };
}
