/** Writing rows: new ones in, those that are there stay; a response that failed is replaced. */
import type { SqlSession } from "./database.ts";
import type { ResponseRow } from "./rows.ts";
import type { PutResult } from "./store.ts";
import { encodeRow, type StoredValue, type StoreRow, type Table } from "./tables.ts";

const ROWS_AT_A_TIME = 500;

function conflictClause(table: Table<never>): string {
  if (table.name !== "responses") return "ON CONFLICT (key) DO NOTHING";
  const sets = table.columns.map(({ name }) => `${name} = excluded.${name}`);
  return `ON CONFLICT (key) DO UPDATE SET ${sets.join(", ")} WHERE responses.status = 'error'`;
}

/** One row a key: the first that is no failure, else the last. */
function withoutRepetitions<Row extends StoreRow>(rows: readonly Row[]): Row[] {
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    const earlier = byKey.get(row.key);
    if (earlier === undefined || (earlier as Partial<ResponseRow>).status === "error")
      byKey.set(row.key, row);
  }
  return [...byKey.values()];
}

/** Rows ready to be written, sorted by key, so that processes that write the same rows wait for each other in one order. */
export function encodeRows<Row extends StoreRow>(table: Table<Row>, rows: readonly Row[]): StoredValue[][] {
  return withoutRepetitions(rows)
    .map((row) => encodeRow(table, row))
    .sort(([a], [b]) => (a! < b! ? -1 : 1));
}

export async function insertEncoded<Row extends StoreRow>(
  session: SqlSession,
  table: Table<Row>,
  encoded: readonly (readonly StoredValue[])[],
): Promise<number> {
  const target = {
    table: table.name,
    columns: table.columns,
    conflict: conflictClause(table as unknown as Table<never>),
  };
  let inserted = 0;
  for (let start = 0; start < encoded.length; start += ROWS_AT_A_TIME) {
    inserted += await session.insert(target, encoded.slice(start, start + ROWS_AT_A_TIME));
  }
  return inserted;
}

/** @throws {TuttiError} STORE_INVALID: a field or key that is wrong, a reference to a row that is not there */
export async function putRows<Row extends StoreRow>(
  session: SqlSession,
  table: Table<Row>,
  rows: readonly Row[],
): Promise<PutResult> {
  const inserted = await insertEncoded(session, table, encodeRows(table, rows));
  return { inserted, existing: rows.length - inserted };
}
