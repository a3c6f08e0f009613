/** Filters as SQL conditions, and rows read in key order a page at a time. */
import type { Dialect, SqlSession, SqlValue } from "./database.ts";
import type { JudgementFilter, PromptFilter, ResponseFilter } from "./store.ts";
import { toStoredText } from "./stored-text.ts";
import { decodeRow, type StoreRow, type Table } from "./tables.ts";

const PAGE_ROWS = 256;
/** Keys asked for by name go into a statement this many at a time. */
const KEYS_AT_A_TIME = 1000;

export interface Selection {
  readonly from: string;
  readonly conditions: readonly string[];
  readonly values: readonly SqlValue[];
}

/** Collects conditions and their values; placeholders are numbered in the order of adding. */
export class Conditions {
  readonly conditions: string[] = [];
  readonly values: SqlValue[] = [];
  readonly #dialect: Dialect;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /** Adds a value and returns its placeholder. */
  place(value: SqlValue): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** The column is one of the texts; no condition where none are given. */
  anyOf(column: string, texts: readonly string[] | undefined): this {
    if (texts === undefined) return this;
    this.conditions.push(this.#dialect.anyOf(column, this.place(texts.map(toStoredText))));
    return this;
  }

  equals(column: string, value: SqlValue | undefined): this {
    if (value !== undefined) this.conditions.push(`${column} = ${this.place(value)}`);
    return this;
  }
}

const JOIN_PROMPT = "JOIN prompts p ON p.key = r.prompt_key";

export function promptConditions(dialect: Dialect, filter: PromptFilter): Conditions {
  return new Conditions(dialect)
    .anyOf("p.domain", filter.domains)
    .anyOf("p.split", filter.splits)
    .anyOf("p.source", filter.sources);
}

export function selectPrompts(dialect: Dialect, filter: PromptFilter): Selection {
  const { conditions, values } = promptConditions(dialect, filter);
  return { from: "prompts p", conditions, values };
}

function needsPrompt({ domains, splits }: PromptFilter): boolean {
  return domains !== undefined || splits !== undefined;
}

function needsResponse({ models, statuses, promptKeys }: ResponseFilter): boolean {
  return models !== undefined || statuses !== undefined || promptKeys !== undefined;
}

export function selectResponses(dialect: Dialect, filter: ResponseFilter): Selection {
  const { conditions, values } = new Conditions(dialect)
    .anyOf("p.domain", filter.domains)
    .anyOf("p.split", filter.splits)
    .anyOf("r.source", filter.sources)
    .anyOf("r.model", filter.models)
    .anyOf("r.status", filter.statuses)
    .anyOf("r.prompt_key", filter.promptKeys);
  return { from: `responses r ${needsPrompt(filter) ? JOIN_PROMPT : ""}`, conditions, values };
}

export function selectJudgements(dialect: Dialect, filter: JudgementFilter): Selection {
  const { conditions, values } = new Conditions(dialect)
    .anyOf("p.domain", filter.domains)
    .anyOf("p.split", filter.splits)
    .anyOf("j.source", filter.sources)
    .anyOf("r.model", filter.models)
    .anyOf("r.status", filter.statuses)
    .anyOf("r.prompt_key", filter.promptKeys)
    .anyOf("j.judge", filter.judges)
    .anyOf("j.response_key", filter.responseKeys);
  const joins = [
    needsPrompt(filter) || needsResponse(filter) ? "JOIN responses r ON r.key = j.response_key" : "",
    needsPrompt(filter) ? JOIN_PROMPT : "",
  ];
  return { from: `judgements j ${joins.join(" ")}`, conditions, values };
}

function columnsOf(table: Table<never>, alias: string): string {
  return table.columns.map(({ name }) => `${alias}.${name}`).join(", ");
}

async function* pages<Row extends StoreRow>(
  session: SqlSession,
  table: Table<Row>,
  { from, conditions, values }: Selection,
): AsyncGenerator<Row> {
  const alias = from.split(" ")[1]!;
  const where = [...conditions, `${alias}.key > $${values.length + 1}`].join(" AND ");
  const sql = `SELECT ${columnsOf(table as Table<never>, alias)} FROM ${from} WHERE ${where} ORDER BY ${alias}.key LIMIT ${PAGE_ROWS}`;
  let last = "";
  for (;;) {
    const page = await session.rows(sql, [...values, last]);
    for (const stored of page) yield decodeRow(table, stored);
    if (page.length < PAGE_ROWS) return;
    last = String(page.at(-1)!.key);
  }
}

/**
 * The selected rows in the order of their keys, with memory for one page. Rows that others write meanwhile appear where their key
 * is still ahead.
 */
export async function* readRows<Row extends StoreRow>(
  session: SqlSession,
  dialect: Dialect,
  table: Table<Row>,
  selection: Selection,
  keys?: readonly string[],
): AsyncGenerator<Row> {
  if (keys === undefined) {
    yield* pages(session, table, selection);
    return;
  }
  const alias = selection.from.split(" ")[1]!;
  const sorted = [...new Set(keys)].sort();
  for (let start = 0; start < sorted.length; start += KEYS_AT_A_TIME) {
    const some = sorted.slice(start, start + KEYS_AT_A_TIME);
    const condition = dialect.anyOf(`${alias}.key`, `$${selection.values.length + 1}`);
    yield* pages(session, table, {
      from: selection.from,
      conditions: [...selection.conditions, condition],
      values: [...selection.values, some],
    });
  }
}
