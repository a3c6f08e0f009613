/** The text that a candidate answered. */
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";

/** @throws {TuttiError} RECORD_INVALID when the candidate has no answer in the record */
export function candidateAnswer(record: JudgedRecord, candidate: string): string {
  // Own properties only: a candidate may be called "constructor".
  const judged = Object.hasOwn(record.candidates, candidate) ? record.candidates[candidate] : undefined;
  if (typeof judged?.response === "string") return judged.response;
  throw new TuttiError(
    "RECORD_INVALID",
    `record ${JSON.stringify(record.id)}: candidates.${candidate}.response is missing, expected the text of the answer`,
    {
      details: { recordId: record.id, candidate },
      hint: "drop the record, or name only candidates that answered every prompt",
    },
  );
}
