/** Groups for selectors out of judged records: every candidate's samples, or its one answer. */
import { TuttiError } from "../../support/errors.ts";
import { type JudgedRecord, samplesOf } from "../record.ts";
import { promptKey } from "../store/keys.ts";
import type { JsonObject } from "../store/rows.ts";
import type { GroupedAnswer, JudgedGroup } from "./group.ts";

/** Where in a record's answers the facts stand that selectors ask for. */
export interface RecordFields {
  /** Field of the scalar score. @default "score" */
  readonly score?: string;
  /**
   * Field of a verifier's verdict: a boolean, or a number. Without it no answer is verified. The same field may be score and
   * verdict.
   */
  readonly verdict?: string;
  /** Numbers of the verdict field from here on mean correct. @default 1 */
  readonly correctAt?: number;
  /** Field of the final answer as text. @default "extracted" */
  readonly finalAnswer?: string;
}

type Fields = Readonly<Record<string, unknown>>;

function numberField(fields: Fields, name: string, place: string): number | null {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new TuttiError(
    "RECORD_INVALID",
    `${place}.${name}: received ${typeof value}, expected a number or null`,
    {
      details: { field: `${place}.${name}` },
      hint: "name a field that holds the scores of a judge",
    },
  );
}

function verdictOf(fields: Fields, { verdict, correctAt = 1 }: RecordFields, place: string): boolean | null {
  if (verdict === undefined) return null;
  const value = Object.hasOwn(fields, verdict) ? fields[verdict] : undefined;
  if (typeof value === "boolean") return value;
  const score = numberField(fields, verdict, place);
  return score === null ? null : score >= correctAt;
}

function answerOf(
  sample: Fields,
  source: string,
  key: string,
  fields: RecordFields,
  place: string,
): GroupedAnswer {
  const finalAnswer = sample[fields.finalAnswer ?? "extracted"];
  const text = String(sample.response);
  const tokens = numberField(sample, "tokens", place);
  const logProbability = numberField(sample, "log_probability", place);
  return {
    key,
    source,
    text,
    status: text.trim() === "" ? "empty" : "ok",
    score: numberField(sample, fields.score ?? "score", place),
    isCorrect: verdictOf(sample, fields, place),
    finalAnswer: typeof finalAnswer === "string" && finalAnswer !== "" ? finalAnswer : null,
    ...(tokens !== null && { tokens }),
    ...(logProbability !== null && { logProbability }),
  };
}

/**
 * One group a record. A sample's own fields count; what it lacks is not taken from its candidate, whose score is a mean.
 *
 * @throws {TuttiError} RECORD_INVALID for a score, verdict, token count or log-probability that is no number
 */
export function groupOfRecord(record: JudgedRecord, fields: RecordFields = {}): JudgedGroup {
  const messages =
    typeof record.prompt === "string" ? [{ role: "user" as const, content: record.prompt }] : record.prompt;
  const { reference } = record;
  const isObject = typeof reference === "object" && reference !== null && !Array.isArray(reference);
  const answers = Object.entries(record.candidates).flatMap(([source, candidate]) =>
    samplesOf(candidate).map((sample, index) => {
      const place = `record ${JSON.stringify(record.id)}: candidates[${JSON.stringify(source)}]`;
      return answerOf({ ...sample }, source, `${record.id}/${source}/${index}`, fields, place);
    }),
  );
  return {
    promptKey: promptKey({ messages, ...(isObject && { reference: reference as JsonObject }) }),
    id: record.id,
    domain: record.benchmark,
    messages,
    answers,
  };
}
