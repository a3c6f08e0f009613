/** Selection among answers that exist: an upper bound beside routers, which decide before any model answers. */
import { type JudgedRecord, promptText } from "../../../judged/record.ts";
import { argmax, type RoutingQuery } from "../../router.ts";
import { candidateAnswer } from "../answers.ts";

/** A query together with what each candidate answered. */
export interface AnsweredQuery extends RoutingQuery {
  readonly responses: Readonly<Record<string, string>>;
}

/**
 * Scores candidates after all of them have answered. It is not a {@link Router}: every candidate is paid for on every
 * prompt, so tables must mark it by {@link ResponseSelector.readsResponses}.
 */
export interface ResponseSelector {
  readonly name: string;
  /** Column order of every score row. */
  readonly candidates: readonly string[];
  readonly readsResponses: true;
  /** One row per query, one score per candidate, higher is better. Rows of different queries are independent. */
  scores(queries: readonly AnsweredQuery[]): Promise<Float64Array[]>;
}

/** @throws {TuttiError} RECORD_INVALID when a candidate has no answer in the record */
export function answeredQuery(record: JudgedRecord, candidates: readonly string[]): AnsweredQuery {
  const responses = candidates.map((candidate) => [candidate, candidateAnswer(record, candidate)] as const);
  return { id: record.id, prompt: promptText(record.prompt), responses: Object.fromEntries(responses) };
}

const QUERIES_PER_CALL = 256;

/** Index into the selector's candidates of the answer selected for each record: `chooseAll` for selectors. */
export async function selectAll(
  selector: ResponseSelector,
  records: readonly JudgedRecord[],
): Promise<Int32Array> {
  const choices = new Int32Array(records.length);
  for (let start = 0; start < records.length; start += QUERIES_PER_CALL) {
    const chunk = records.slice(start, start + QUERIES_PER_CALL);
    const rows = await selector.scores(chunk.map((record) => answeredQuery(record, selector.candidates)));
    for (const [index, row] of rows.entries()) choices[start + index] = argmax(row);
  }
  return choices;
}
