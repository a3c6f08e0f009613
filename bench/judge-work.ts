/** The responses that judges of mathematics are compared on: GSM8K and MATH of the shipped data, or files of the same shape. */
import { join } from "node:path";
import { type JudgedRecord, promptText, readJudgedRecords } from "../src/judged/index.ts";

export const SHIPPED = ["gsm8k", "math"].map((name) =>
  join(import.meta.dirname, `../assets/judged/${name}.jsonl.gz`),
);

export interface GradedResponse {
  readonly id: string;
  readonly benchmark: string;
  readonly model: string;
  readonly question: string;
  readonly reference: string;
  readonly response: string;
  /** Correctness as the data records it, by string comparison after normalisation. */
  readonly recorded: boolean;
  /** What the recording judge had extracted. */
  readonly recordedExtraction: string;
}

const gradedOf = (record: JudgedRecord): readonly GradedResponse[] =>
  Object.entries(record.candidates).map(([model, candidate]) => ({
    id: record.id,
    benchmark: record.benchmark,
    model,
    question: promptText(record.prompt),
    reference: String(record.reference),
    response: candidate.response,
    recorded: candidate.score === 1,
    recordedExtraction: String(candidate.extracted ?? ""),
  }));

/** Every graded response of the files, one file at a time since their candidates may differ. */
export async function gradedResponses(
  files: readonly string[] = SHIPPED,
): Promise<readonly GradedResponse[]> {
  const responses: GradedResponse[] = [];
  for (const file of files) {
    const { records } = await readJudgedRecords([file]);
    for (const record of records) {
      if (record.benchmark === "GSM8k" || record.benchmark === "MATH") responses.push(...gradedOf(record));
    }
  }
  return responses;
}
