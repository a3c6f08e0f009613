/** How long recorded answers are: what length prediction learns from. */
import type { JudgedCandidate, JudgedRecord } from "../../judged/index.ts";
import { estimateTokens } from "../../pool/index.ts";
import { TuttiError } from "../../support/errors.ts";

/** The recorded count where there is one, otherwise the estimate from the text; at least 1. */
export function answerTokens({ tokens, response }: JudgedCandidate): number {
  return Math.max(1, tokens ?? estimateTokens(response));
}

/**
 * Answer lengths of one record in candidate order.
 *
 * @throws {TuttiError} RECORD_INVALID when a candidate has no answer in the record
 */
export function answerTokenRow(record: JudgedRecord, candidates: readonly string[]): Float64Array {
  return Float64Array.from(candidates, (name) => {
    const judged = Object.hasOwn(record.candidates, name) ? record.candidates[name] : undefined;
    if (judged !== undefined) return answerTokens(judged);
    throw new TuttiError(
      "RECORD_INVALID",
      `record ${JSON.stringify(record.id)}: candidates has no ${JSON.stringify(name)}, expected an answer of every candidate`,
      { details: { recordId: record.id, candidate: name } },
    );
  });
}
