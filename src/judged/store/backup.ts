/** Copies of a whole store, taken while others write to it. */
import type { SqlDatabase, SqlSession } from "./database.ts";
import { readRows } from "./filters.ts";
import { encodeRows, insertEncoded } from "./put-rows.ts";
import type { StoreTable } from "./store.ts";
import { type StoredRow, type StoredValue, type StoreRow, TABLES, type Table } from "./tables.ts";

const ROWS_AT_A_TIME = 500;

const ITEM_COLUMNS = [
  { name: "job", type: "text" },
  { name: "item", type: "text" },
  { name: "state", type: "text" },
  { name: "worker", type: "text" },
  { name: "lease_until", type: "integer" },
  { name: "reserved_usd", type: "number" },
  { name: "reserved_tokens", type: "number" },
];
/** Small tables beside the rows, which are copied at once. */
const LEDGERS = {
  job_spending: [
    { name: "job", type: "text" },
    { name: "usd", type: "number" },
    { name: "tokens", type: "number" },
  ],
  batches: [
    { name: "name", type: "text" },
    { name: "job", type: "text" },
    { name: "provider_name", type: "text" },
    { name: "requests", type: "integer" },
    { name: "state", type: "text" },
    { name: "asked_ms", type: "integer" },
    { name: "keeper", type: "text" },
    { name: "lease_until", type: "integer" },
  ],
};

async function inBatches<Item>(
  items: AsyncIterable<Item>,
  write: (batch: readonly Item[]) => Promise<unknown>,
): Promise<number> {
  let batch: Item[] = [];
  let count = 0;
  for await (const item of items) {
    batch.push(item);
    count++;
    if (batch.length < ROWS_AT_A_TIME) continue;
    await write(batch);
    batch = [];
  }
  if (batch.length > 0) await write(batch);
  return count;
}

type Columns = readonly { readonly name: string; readonly type: string }[];

const namesOf = (columns: Columns): string => columns.map(({ name }) => name).join(", ");

/** PostgreSQL's 64-bit integers arrive as text. */
function valuesOf(columns: Columns, row: StoredRow): StoredValue[] {
  return columns.map(({ name, type }) => {
    const value = row[name] as StoredValue;
    return value === null || type === "text" ? value : Number(value);
  });
}

async function* workItems(session: SqlSession): AsyncGenerator<StoredValue[]> {
  let last = 0;
  for (;;) {
    const page = await session.rows(
      `SELECT position, ${namesOf(ITEM_COLUMNS)} FROM work_items
       WHERE position > $1 ORDER BY position LIMIT ${ROWS_AT_A_TIME}`,
      [last],
    );
    for (const row of page) yield valuesOf(ITEM_COLUMNS, row);
    if (page.length < ROWS_AT_A_TIME) return;
    last = Number(page.at(-1)!.position);
  }
}

/**
 * Copies every row and the work queue into an empty store, from one state of the source: all or nothing. Returns the rows of each
 * table. A PostgreSQL source stays writable meanwhile; a SQLite source does not.
 */
export async function copyDatabase(
  source: SqlDatabase,
  target: SqlDatabase,
): Promise<Readonly<Record<StoreTable, number>>> {
  return await source.transaction(async (from) => {
    if (source.dialect.name === "postgres") {
      await from.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    }
    return await target.transaction(async (to) => {
      const copied = { prompts: 0, responses: 0, judgements: 0, selections: 0 };
      for (const name of Object.keys(copied) as StoreTable[]) {
        const table = TABLES[name] as unknown as Table<StoreRow>;
        const everything = { from: `${name} x`, conditions: [], values: [] };
        copied[name] = await inBatches(readRows(from, source.dialect, table, everything), (batch) =>
          insertEncoded(to, table, encodeRows(table, batch)),
        );
      }
      const items = { table: "work_items", columns: ITEM_COLUMNS, conflict: "" };
      await inBatches(workItems(from), (batch) => to.insert(items, batch));
      for (const [table, columns] of Object.entries(LEDGERS)) {
        const rows = await from.rows(`SELECT ${namesOf(columns)} FROM ${table}`);
        await to.insert(
          { table, columns, conflict: "" },
          rows.map((row) => valuesOf(columns, row)),
        );
      }
      return copied;
    });
  });
}
