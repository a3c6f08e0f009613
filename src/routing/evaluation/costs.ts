/** What every answer of a data set cost, and what could be expected of it before it was written. */
import { type JudgedCandidate, type JudgedRecord, promptText } from "../../judged/record.ts";
import { costUsd, estimateTokens, type ModelPricing } from "../../pool/pricing.ts";
import { TuttiError } from "../../support/errors.ts";

/** Length assumed of every answer where nobody predicts one; equal for all models, so that prices decide. */
export const ASSUMED_COMPLETION_TOKENS = 256;

export interface AnswerCosts {
  /** US dollars of every answer, [prompt][candidate]. */
  readonly usd: readonly Float64Array[];
  /** US dollars that could be expected before answering, in the same layout: all that a router may decide by. */
  readonly expectedUsd: readonly Float64Array[];
  /** `prices`: tokens at a price list; `recorded`: dollars found in the records. */
  readonly source: "prices" | "recorded";
  /** Share of the token counts that no record held, estimated from the length of the text. */
  readonly estimatedShare: number;
}

const count = (candidate: JudgedCandidate, ...fields: readonly string[]): number | undefined =>
  fields.map((field) => candidate[field]).find((value): value is number => Number.isFinite(value));

/**
 * Token counts come from the records' `tokens` or `output_tokens`, and `input_tokens`; where these are missing, from
 * the text's length. Expected costs take the prompt's estimated tokens and the expected length of the answer.
 *
 * @param completionTokens what a router expects, [prompt][candidate]; {@link ASSUMED_COMPLETION_TOKENS} without
 * @throws {TuttiError} UNKNOWN_CANDIDATE when a candidate has no price
 */
export function pricedCosts(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  pricing: Readonly<Record<string, ModelPricing>>,
  completionTokens?: readonly ArrayLike<number>[],
): AnswerCosts {
  const missing = candidates.filter((candidate) => !Object.hasOwn(pricing, candidate));
  if (missing.length > 0) {
    throw new TuttiError(
      "UNKNOWN_CANDIDATE",
      `prices: received none for ${missing.join(", ")}, expected one for every candidate of the data`,
      { details: { missing, priced: Object.keys(pricing) }, hint: "add the model to the pool file" },
    );
  }
  let estimated = 0;
  const usd: Float64Array[] = [];
  const expectedUsd: Float64Array[] = [];
  for (const [row, record] of records.entries()) {
    const promptEstimate = estimateTokens(promptText(record.prompt));
    const own = new Float64Array(candidates.length);
    const expected = new Float64Array(candidates.length);
    for (const [column, name] of candidates.entries()) {
      const answer = record.candidates[name]!;
      const [input, output] = [count(answer, "input_tokens"), count(answer, "tokens", "output_tokens")];
      estimated += (input === undefined ? 1 : 0) + (output === undefined ? 1 : 0);
      const price = pricing[name]!;
      own[column] = costUsd(price, input ?? promptEstimate, output ?? estimateTokens(answer.response));
      const length = completionTokens?.[row]?.[column] ?? ASSUMED_COMPLETION_TOKENS;
      expected[column] = costUsd(price, promptEstimate, length);
    }
    usd.push(own);
    expectedUsd.push(expected);
  }
  const counts = 2 * records.length * candidates.length;
  return { usd, expectedUsd, source: "prices", estimatedShare: estimated / counts };
}

/**
 * Dollars that the records themselves hold, as `cost`; undefined unless every answer has it. Expected is then each
 * candidate's mean over these records.
 */
export function recordedCosts(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): AnswerCosts | undefined {
  const usd: Float64Array[] = [];
  for (const record of records) {
    const row = candidates.map((name) => count(record.candidates[name]!, "cost"));
    if (row.includes(undefined)) return undefined;
    usd.push(Float64Array.from(row as number[]));
  }
  const means = Float64Array.from(
    candidates,
    (_, column) => usd.reduce((sum, row) => sum + row[column]!, 0) / usd.length,
  );
  return { usd, expectedUsd: usd.map(() => means), source: "recorded", estimatedShare: 0 };
}
