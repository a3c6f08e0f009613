/**
 * What judged prompts say of a new candidate, put on the scale that a router already uses.
 *
 * Routers average scores that are min-max normalised over the candidates of a prompt. One more candidate would change
 * those of all others, which must stay. So the new one is measured by its advantage over the mean of the others, both
 * normalised together with it, delta = n(new) - mean_t n(t), and is placed at (frozen mean of the others) + delta.
 * Where scores are 0 or 1 every difference between candidates is then what training anew would find.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { candidateScores, normaliseWithinPrompt } from "../labels.ts";

/** Every array has one entry per judged prompt. */
export interface CandidateEvidence {
  readonly ids: readonly string[];
  readonly prompts: readonly string[];
  readonly domains: readonly string[];
  /** delta of scores normalised within the prompt, in [-1, 1]. */
  readonly advantages: Float64Array;
  /** The same difference on the benchmark's own scale. */
  readonly rawAdvantages: Float64Array;
}

/** The last value minus the mean of those before it. */
function lastMinusOthers(scores: Float64Array): number {
  const others = scores.length - 1;
  let sum = 0;
  for (let index = 0; index < others; index++) sum += scores[index]!;
  return scores[others]! - sum / others;
}

/** @throws {TuttiError} INVALID_ARGUMENT when the candidate is there already; DATASET_INVALID without records */
export function checkAddition(
  candidates: readonly string[],
  name: string,
  records: readonly JudgedRecord[],
): void {
  if (candidates.includes(name)) {
    throw new TuttiError("INVALID_ARGUMENT", `the router has the candidate ${JSON.stringify(name)} already`, {
      details: { name, candidates },
      hint: "train the router again to learn a known candidate anew, or remove it first",
    });
  }
  if (records.length === 0) {
    throw new TuttiError("DATASET_INVALID", `no judged prompts of ${name}, expected at least one`, {
      hint: "judge answers of the new model to a few hundred prompts",
    });
  }
}

/** @throws {TuttiError} see {@link GrowableRouter.withCandidate} */
export function candidateEvidence(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  name: string,
): CandidateEvidence {
  checkAddition(candidates, name, records);
  const scores = records.map((record) => candidateScores(record, [...candidates, name]));
  return {
    ids: records.map((record) => record.id),
    prompts: records.map((record) => promptText(record.prompt)),
    domains: records.map((record) => record.benchmark),
    advantages: Float64Array.from(scores, (row) => lastMinusOthers(normaliseWithinPrompt(row))),
    rawAdvantages: Float64Array.from(scores, lastMinusOthers),
  };
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index]!;
  return values.length === 0 ? 0 : sum / values.length;
}
