/**
 * People's labels as judgements: thumbs, ratings, and choices between two answers.
 *
 * One JSON object a line. Which answer is meant: `response`, its key in the store, or `id`, `model` and, where there are several,
 * `sample`; for a choice the other one: `rival`, or `rival_model` and `rival_sample`. What was said: `thumb` ("up", "down"), `rating` (a
 * number), or `choice` ("first", "second", "tie"). Who: `annotator`; `round` where somebody labels a second time; `comment` and `at` (ISO
 * 8601) as they please.
 */
import { type JudgementRow, judgementKey, type PromptRow, type ResponseRow } from "../../judged/index.ts";
import { readLines } from "../../judged/lines.ts";
import { describeReceived, fieldError, type RecordPlace } from "../../judged/place.ts";
import { parseRow } from "../../judged/read.ts";

/** Finds the answers that labels name. */
export interface AnswerFinder {
  byKey(key: string): ResponseRow | undefined;
  /** Of one prompt, by its source's id. */
  byModel(id: string, model: string, sample: number): ResponseRow | undefined;
}

/** Looks answers up in rows that are held in memory. */
export function answerFinder(prompts: Iterable<PromptRow>, responses: Iterable<ResponseRow>): AnswerFinder {
  const idOf = new Map(Array.from(prompts, ({ key, id }) => [key, id]));
  const byKey = new Map<string, ResponseRow>();
  const byModel = new Map<string, ResponseRow>();
  const place = (id: string, model: string, sample: number): string => JSON.stringify([id, model, sample]);
  for (const row of responses) {
    byKey.set(row.key, row);
    const id = idOf.get(row.promptKey);
    if (id !== undefined) byModel.set(place(id, row.model, row.seedIndex), row);
  }
  return {
    byKey: (key) => byKey.get(key),
    byModel: (id, model, sample) => byModel.get(place(id, model, sample)),
  };
}

type Fields = Readonly<Record<string, unknown>>;

const THUMBS: Readonly<Record<string, number>> = { up: 1, down: 0 };
const CHOICES: Readonly<Record<string, number>> = { first: 1, tie: 0.5, second: 0 };

function textField(fields: Fields, name: string, place: RecordPlace): string | undefined {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && value.trim() !== "") return value;
  throw fieldError(place, {
    field: name,
    received: describeReceived(value),
    expected: "a text that is not blank, or no such field",
    hint: "see docs/judges-models.md for the fields of labels",
  });
}

function sampleField(fields: Fields, name: string, place: RecordPlace): number {
  const value = Object.hasOwn(fields, name) ? fields[name] : 0;
  if (Number.isInteger(value) && (value as number) >= 0) return value as number;
  throw fieldError(place, {
    field: name,
    received: describeReceived(value),
    expected: "a whole number of at least 0",
    hint: "samples of a model are counted from 0",
  });
}

function answerOf(fields: Fields, finder: AnswerFinder, isRival: boolean, place: RecordPlace): ResponseRow {
  const [keyField, modelField, sample] = isRival
    ? (["rival", "rival_model", "rival_sample"] as const)
    : (["response", "model", "sample"] as const);
  const key = textField(fields, keyField, place);
  const [id, model] = [textField(fields, "id", place), textField(fields, modelField, place)];
  const found =
    key !== undefined
      ? finder.byKey(key)
      : id !== undefined && model !== undefined
        ? finder.byModel(id, model, sampleField(fields, sample, place))
        : undefined;
  if (found !== undefined) return found;
  const isNamed = key !== undefined || (id !== undefined && model !== undefined);
  throw fieldError(place, {
    field: key === undefined ? modelField : keyField,
    received: isNamed ? describeReceived(key ?? model) : "nothing",
    expected: isNamed ? "an answer that is there" : `${keyField}, or id and ${modelField}`,
    hint: "labels name answers that were sampled or imported before",
  });
}

interface Said {
  readonly score: number;
  readonly verdict: string;
}

/** One of the three ways to say something. */
function saidIn(fields: Fields, place: RecordPlace): Said & { readonly isChoice: boolean } {
  const given = ["thumb", "rating", "choice"].filter((name) => Object.hasOwn(fields, name));
  const [name] = given;
  if (given.length !== 1 || name === undefined) {
    throw fieldError(place, {
      field: "thumb, rating or choice",
      received: given.length === 0 ? "none of them" : given.join(" and "),
      expected: "one of them",
      hint: "write one line for each thing that was said",
    });
  }
  const value = fields[name];
  if (name === "rating") {
    if (typeof value === "number" && Number.isFinite(value))
      return { score: value, verdict: "rated", isChoice: false };
  } else {
    const words = name === "thumb" ? THUMBS : CHOICES;
    if (typeof value === "string" && Object.hasOwn(words, value))
      return { score: words[value]!, verdict: value, isChoice: name === "choice" };
  }
  const expected = { rating: "a number", thumb: "up or down", choice: "first, second or tie" }[name]!;
  throw fieldError(place, {
    field: name,
    received: describeReceived(value),
    expected,
    hint: "see docs/judges-models.md",
  });
}

export interface LabelImport {
  readonly finder: AnswerFinder;
  /** Name of the labels' source, such as the file. */
  readonly source: string;
  /** ISO 8601, for labels that have no `at`. */
  readonly now: string;
}

/**
 * One label as a judgement: judge `human/ANNOTATOR`, version the round. Thumbs score 1 and 0; a choice 1, 1/2 or 0 from the side
 * of the first answer.
 *
 * @throws {TuttiError} RECORD_INVALID naming file, line and field
 */
export function judgementOfLabel(
  value: unknown,
  place: RecordPlace,
  { finder, source, now }: LabelImport,
): JudgementRow {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fieldError(place, {
      field: "(row)",
      received: describeReceived(value),
      expected: "a JSON object",
      hint: "write one label a line",
    });
  }
  const fields = value as Fields;
  const { score, verdict, isChoice } = saidIn(fields, place);
  const response = answerOf(fields, finder, false, place);
  const rival = isChoice ? answerOf(fields, finder, true, place) : undefined;
  if (rival !== undefined && (rival.key === response.key || rival.promptKey !== response.promptKey)) {
    throw fieldError(place, {
      field: "rival",
      received: rival.key === response.key ? "the same answer twice" : "an answer to another prompt",
      expected: "another answer to the same prompt",
      hint: "a choice is between two answers to one prompt",
    });
  }
  const comment = textField(fields, "comment", place);
  const row = {
    responseKey: response.key,
    ...(rival && { rivalKey: rival.key }),
    judge: `human/${textField(fields, "annotator", place) ?? "anonymous"}`,
    judgeVersion: textField(fields, "round", place) ?? "1",
    score,
    verdict,
    explanation: comment === undefined ? {} : { comment },
    source,
    createdAt: textField(fields, "at", place) ?? now,
  };
  return { key: judgementKey(row), ...row };
}

/**
 * The judgements of a file of labels (.jsonl or .jsonl.gz), in order.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, FILE_CORRUPT, RECORD_INVALID naming file, line and field
 */
export async function* readHumanLabels(path: string, options: LabelImport): AsyncGenerator<JudgementRow> {
  for await (const { text, line } of readLines(path)) {
    const place = { file: path, line };
    if (text.trim() !== "") yield judgementOfLabel(parseRow(text, place), place, options);
  }
}
