/** What a format is: how its rows become rows of the store, and back. */
import type { RecordPlace } from "../place.ts";
import type { JsonObject, JudgementRow, PromptRow, ResponseRow, SelectionRow } from "../store/rows.ts";
import type { Fields } from "./fields.ts";
import type { References } from "./references.ts";

/** What one row of a file gives. Prompts come before their answers, answers before their judgements. */
export interface RowGroup {
  readonly place: RecordPlace;
  readonly prompts: readonly PromptRow[];
  readonly responses: readonly ResponseRow[];
  readonly judgements: readonly JudgementRow[];
  readonly selections?: readonly SelectionRow[];
}

/** A prompt with its answers and their judgements: what exports write rows of. */
export interface PromptEntry {
  readonly prompt: PromptRow;
  readonly responses: readonly ResponseRow[];
  /** Of these answers. */
  readonly judgements: readonly JudgementRow[];
  readonly selections?: readonly SelectionRow[];
}

/** What files do not say themselves. */
export interface ReadContext {
  /** Name of the data set: part of every row, and of nothing's key. */
  readonly source: string;
  readonly sourceRevision?: string;
  /** Domain of prompts whose file names none. */
  readonly domain: string;
  /** Model of answers whose file names none. */
  readonly model: string;
  /** Judge of scores whose file names none, and its version. */
  readonly judge: string;
  readonly judgeVersion: string;
  /** ISO 8601, for rows whose file has no time. */
  readonly createdAt: string;
  /** What the files before this one said: questions, answers, ids. */
  readonly references: References;
}

export interface WriteOptions {
  /** Only answers of these, in this order. */
  readonly models?: readonly string[];
  /** Whose scores are meant. Default: any judge's, where an answer has scores of one judge only. */
  readonly judge?: string;
  /** For formats that ask a model: which. */
  readonly model?: string;
  /** How many samples to ask for. */
  readonly samples?: number;
  /** Sampling parameters to ask for, as the provider names them. */
  readonly parameters?: JsonObject;
}

/** `messages` is a list of {role, content}; `json` is kept as text in containers that have no such type. */
export type ColumnType = "text" | "number" | "count" | "flag" | "json" | "messages" | "texts";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

export interface FormatWriter {
  /** The fields that rows can have, for containers with columns. */
  columns(options: WriteOptions): readonly Column[];
  /** The rows of a prompt; none where it has nothing that the format could say. */
  rows(entry: PromptEntry, options: WriteOptions): Iterable<JsonObject>;
}

export interface Format {
  /** As `--format` takes it. */
  readonly name: string;
  /** In a few words, for help. */
  readonly summary: string;
  /** Files are read in this order: what is asked, what was answered, what was judged. Default 0. */
  readonly stage?: 0 | 1 | 2;
  /** Whether a file whose first row is this has this format. At most one format says yes. */
  recognises(row: JsonObject): boolean;
  /** @throws {TuttiError} RECORD_INVALID, DATASET_INVALID naming file, line and field */
  read(row: Fields, context: ReadContext): RowGroup;
  readonly writer?: FormatWriter;
}
