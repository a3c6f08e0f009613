/** How rows lie in tables: one list of columns a table, from which both databases are made and read. */

import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import { judgementKey, promptKey, responseKey, selectionKey } from "./keys.ts";
import type { JudgementRow, PromptRow, ResponseRow, SelectionRow } from "./rows.ts";
import type { StoreTable } from "./store.ts";
import { fromStoredText, toStoredText } from "./stored-text.ts";

/** `messages` is JSON whose objects have exactly the members role and content, in that order (the search index relies on it). */
export type ColumnType = "text" | "json" | "messages" | "number" | "integer" | "boolean";

export interface Column {
  /** Name in the row type. */
  readonly field: string;
  /** Name in the database. */
  readonly name: string;
  readonly type: ColumnType;
  readonly isNullable: boolean;
}

export interface Table<Row = StoreRow> {
  readonly name: StoreTable;
  readonly columns: readonly Column[];
  /** The key that the row's content has. */
  readonly keyOf: (row: Row) => string;
}

export type StoreRow = PromptRow | ResponseRow | JudgementRow | SelectionRow;
/** A row as the database has it. */
export type StoredValue = string | number | boolean | null;
export type StoredRow = Readonly<Record<string, unknown>>;

function column(field: string, type: ColumnType = "text"): Column {
  const isNullable = field.endsWith("?");
  const bare = isNullable ? field.slice(0, -1) : field;
  const name = bare.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return { field: bare, name, type, isNullable };
}

export const PROMPTS: Table<PromptRow> = {
  name: "prompts",
  columns: [
    column("key"),
    column("id"),
    column("messages", "messages"),
    column("domain"),
    column("split?"),
    column("source"),
    column("sourceRevision?"),
    column("reference?", "json"),
    column("extra?", "json"),
    column("createdAt"),
  ],
  keyOf: promptKey,
};

export const RESPONSES: Table<ResponseRow> = {
  name: "responses",
  columns: [
    column("key"),
    column("promptKey"),
    column("model"),
    column("modelRevision"),
    column("template"),
    column("parameters", "json"),
    column("seedIndex", "integer"),
    column("text"),
    column("status"),
    column("finishReason?"),
    column("promptTokens?", "number"),
    column("completionTokens?", "number"),
    column("costUsd?", "number"),
    column("latencyMs?", "number"),
    column("logProbability?", "number"),
    column("error?", "json"),
    column("source"),
    column("createdAt"),
  ],
  keyOf: responseKey,
};

export const JUDGEMENTS: Table<JudgementRow> = {
  name: "judgements",
  columns: [
    column("key"),
    column("responseKey"),
    column("rivalKey?"),
    column("judge"),
    column("judgeVersion"),
    column("score?", "number"),
    column("verdict"),
    column("explanation", "json"),
    column("costUsd?", "number"),
    column("source"),
    column("createdAt"),
  ],
  keyOf: judgementKey,
};

export const SELECTIONS: Table<SelectionRow> = {
  name: "selections",
  columns: [
    column("key"),
    column("selector"),
    column("options", "json"),
    column("promptKey"),
    column("responseKey?"),
    column("rejectedKey?"),
    column("isKept", "boolean"),
    column("reason"),
    column("createdAt"),
  ],
  keyOf: selectionKey,
};

export const TABLES = {
  prompts: PROMPTS,
  responses: RESPONSES,
  judgements: JUDGEMENTS,
  selections: SELECTIONS,
} as const satisfies Record<StoreTable, unknown>;

/** Which columns name a row of another table. */
export const REFERENCES: readonly {
  readonly table: StoreTable;
  readonly column: string;
  readonly target: StoreTable;
}[] = [
  { table: "responses", column: "prompt_key", target: "prompts" },
  { table: "judgements", column: "response_key", target: "responses" },
  { table: "judgements", column: "rival_key", target: "responses" },
  { table: "selections", column: "prompt_key", target: "prompts" },
  { table: "selections", column: "response_key", target: "responses" },
  { table: "selections", column: "rejected_key", target: "responses" },
];

function fieldError(
  table: string,
  key: unknown,
  field: string,
  received: unknown,
  expected: string,
): TuttiError {
  return new TuttiError(
    "STORE_INVALID",
    `${table} ${shown(key)}: ${field}: received ${shown(received)}, expected ${expected}`,
    {
      details: { table, key, field },
      hint: "nothing of this call was written; correct the row and put it again",
    },
  );
}

function encodeMessages(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const turns = value.map((message) => ({ role: message?.role, content: message?.content }));
  const isWhole = turns.every(({ role, content }) => typeof role === "string" && typeof content === "string");
  return isWhole ? JSON.stringify(turns) : undefined;
}

const ENCODERS: Readonly<
  Record<
    ColumnType,
    { readonly expected: string; readonly encode: (value: unknown) => StoredValue | undefined }
  >
> = {
  text: {
    expected: "a string",
    encode: (value) => (typeof value === "string" ? toStoredText(value) : undefined),
  },
  json: { expected: "a value that JSON can hold", encode: (value) => JSON.stringify(value) },
  messages: { expected: "a list of messages with role and content", encode: encodeMessages },
  number: {
    expected: "a finite number",
    encode: (value) => (Number.isFinite(value) ? (value as number) : undefined),
  },
  integer: {
    expected: "a whole number",
    encode: (value) => (Number.isSafeInteger(value) ? (value as number) : undefined),
  },
  boolean: { expected: "true or false", encode: (value) => (typeof value === "boolean" ? value : undefined) },
};

/** The values of a row in the order of the table's columns. @throws {TuttiError} STORE_INVALID naming table, key and field */
export function encodeRow<Row extends StoreRow>(table: Table<Row>, row: Row): StoredValue[] {
  const expectedKey = table.keyOf(row);
  if (row.key !== expectedKey) {
    throw fieldError(
      table.name,
      row.key,
      "key",
      row.key,
      `${expectedKey}, which is the key of the row's content`,
    );
  }
  return table.columns.map(({ field, type, isNullable }) => {
    const value = (row as unknown as Record<string, unknown>)[field];
    if (isNullable && (value === undefined || value === null)) return null;
    const { encode, expected } = ENCODERS[type];
    const stored = encode(value);
    if (stored === undefined) throw fieldError(table.name, row.key, field, value, expected);
    return stored;
  });
}

function decodeValue(type: ColumnType, value: unknown): unknown {
  switch (type) {
    case "text":
      return fromStoredText(value as string);
    case "json":
    case "messages":
      return JSON.parse(value as string);
    case "boolean":
      return value === true || value === 1;
    case "integer":
      return Number(value); // PostgreSQL's 64-bit integers arrive as text
    default:
      return value;
  }
}

/** A row as it was put. Optional fields that have no value are left out; a judgement without a score has the score null. */
export function decodeRow<Row extends StoreRow>(table: Table<Row>, stored: StoredRow): Row {
  const row: Record<string, unknown> = {};
  for (const { field, name, type } of table.columns) {
    const value = stored[name];
    if (value !== null && value !== undefined) row[field] = decodeValue(type, value);
    else if (field === "score") row[field] = null;
  }
  return row as unknown as Row;
}
