/**
 * What one answer adds to its benchmark's own metric: training targets that agree with how routers are graded.
 *
 * A metric is a function of means over answers; the utility of an answer is its first-order contribution to it. For a
 * mean score that is the score. For Arena-Hard, sum of points over sum of weights, it is the points minus the weight
 * times the ratio that the pool reaches. For the length-controlled win rate it is the win probability minus what the
 * fitted length term adds, sigmoid(a t + b d + c) - sigmoid(b d + c): a judge's liking for long answers is not worth
 * learning when the metric takes it away again.
 */
import { z } from "zod";
import type { JudgedRecord } from "../../judged/record.ts";
import { fitLengthControl, lengthEffect } from "../../statistics/length-controlled.ts";
import { TuttiError } from "../../support/errors.ts";
import { candidateScores } from "../labels.ts";

/** The constants of a benchmark's utility, measured on training records and kept with a router. */
export const utilityRuleSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("score") }),
  z.strictObject({ kind: z.literal("weighted-points"), ratio: z.number() }),
  z.strictObject({
    kind: z.literal("length-controlled"),
    coefficients: z.tuple([z.number(), z.number(), z.number()]),
    deviation: z.number().nonnegative(),
  }),
]);

export type UtilityRule = z.infer<typeof utilityRuleSchema>;

const BY_SCORE: UtilityRule = { kind: "score" };

/**
 * The rule of each benchmark, measured on the answers of `candidates`; benchmarks whose records lack the fields of
 * their metric go by score. Records that a router is graded on must not be among `records`.
 */
export function measureUtilityRules(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): Map<string, UtilityRule> {
  const rules = new Map<string, UtilityRule>();
  for (const benchmark of new Set(records.map((record) => record.benchmark))) {
    const group = records.filter((record) => record.benchmark === benchmark);
    const answers = group.flatMap((record) => candidates.map((name) => ({ record, name })));
    const measured =
      benchmark === "ArenaHard"
        ? weightedPointsRule(answers)
        : benchmark === "AlpacaEval"
          ? lengthControlledRule(answers)
          : undefined;
    rules.set(benchmark, measured ?? BY_SCORE);
  }
  return rules;
}

/**
 * Utility of one candidate's answer.
 *
 * @throws {TuttiError} RECORD_INVALID when the record lacks the answer or a number that the rule needs
 */
export function utilityOf(rule: UtilityRule, record: JudgedRecord, name: string): number {
  const score = candidateScores(record, [name])[0]!;
  switch (rule.kind) {
    case "score":
      return score;
    case "weighted-points": {
      const { points, weight } = pointsOf({ record, name });
      return (
        required(points, record, `candidates.${name}.win_points`) -
        rule.ratio * required(weight, record, `candidates.${name}.weight`)
      );
    }
    case "length-controlled": {
      const { difference, difficulty } = lengthsOf({ record, name });
      const shift = required(difference, record, "reference_chars");
      return score - lengthEffect(rule, shift, required(difficulty, record, "lc_difficulty"));
    }
  }
}

interface Answer {
  readonly record: JudgedRecord;
  readonly name: string;
}

const numberOrUndefined = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

function required(value: number | undefined, record: JudgedRecord, field: string): number {
  if (value !== undefined) return value;
  throw new TuttiError(
    "RECORD_INVALID",
    `record ${JSON.stringify(record.id)}: ${field} is missing, expected a number: ${record.benchmark} is graded with it`,
    { details: { recordId: record.id, field }, hint: "rename the benchmark to grade it by its mean score" },
  );
}

function pointsOf({ record, name }: Answer) {
  const judged = record.candidates[name];
  return { points: numberOrUndefined(judged?.win_points), weight: numberOrUndefined(judged?.weight) };
}

function weightedPointsRule(answers: readonly Answer[]): UtilityRule | undefined {
  let [pointSum, weightSum] = [0, 0];
  for (const answer of answers) {
    const { points, weight } = pointsOf(answer);
    if (points === undefined || weight === undefined) return undefined;
    pointSum += points;
    weightSum += weight;
  }
  return weightSum > 0 ? { kind: "weighted-points", ratio: pointSum / weightSum } : undefined;
}

function lengthsOf({ record, name }: Answer) {
  const reference = numberOrUndefined(record.reference_chars);
  const length = [...(record.candidates[name]?.response ?? "")].length;
  return {
    difference: reference === undefined ? undefined : reference - length,
    difficulty: numberOrUndefined(record.lc_difficulty),
  };
}

function lengthControlledRule(answers: readonly Answer[]): UtilityRule | undefined {
  const lengths = answers.map(lengthsOf);
  if (lengths.some(({ difference, difficulty }) => difference === undefined || difficulty === undefined))
    return undefined;
  const { coefficients, deviation } = fitLengthControl({
    winProbabilities: Float64Array.from(answers, ({ record, name }) => candidateScores(record, [name])[0]!),
    lengthDifferences: Float64Array.from(lengths, ({ difference }) => difference!),
    difficulties: Float64Array.from(lengths, ({ difficulty }) => difficulty!),
  });
  return { kind: "length-controlled", coefficients: [...coefficients], deviation };
}
