/** Takes out of a store what cannot be trusted; what is taken out is handed over, never thrown away. */

import { rowProblem, storedRows } from "./check.ts";
import type { SqlDatabase, SqlSession } from "./database.ts";
import type { StoreTable } from "./store.ts";
import { REFERENCES, type StoredRow } from "./tables.ts";

/** A row that was removed, as the database had it. */
export interface RemovedRow {
  readonly table: StoreTable;
  readonly reason: string;
  readonly row: StoredRow;
}

const PARENTS_FIRST: readonly StoreTable[] = ["prompts", "responses", "judgements", "selections"];
const KEYS_AT_A_TIME = 500;

type KeySets = Readonly<Record<StoreTable, Set<string>>>;

async function existingKeys(
  session: SqlSession,
  database: SqlDatabase,
  table: StoreTable,
  keys: readonly string[],
): Promise<Set<string>> {
  const rows = await session.rows(`SELECT key FROM ${table} WHERE ${database.dialect.anyOf("key", "$1")}`, [
    keys,
  ]);
  return new Set(rows.map(({ key }) => String(key)));
}

/** Why the row has to go, given the rows of its parents' tables that go. */
async function lostParent(
  session: SqlSession,
  database: SqlDatabase,
  table: StoreTable,
  page: readonly StoredRow[],
  gone: KeySets,
): Promise<Map<string, string>> {
  const reasons = new Map<string, string>();
  for (const { column, target } of REFERENCES.filter((reference) => reference.table === table)) {
    const named = page.flatMap((row) => (row[column] == null ? [] : [String(row[column])]));
    const present = await existingKeys(session, database, target, named);
    for (const row of page) {
      const parent = row[column];
      if (parent == null || (present.has(String(parent)) && !gone[target].has(String(parent)))) continue;
      reasons.set(String(row.key), `${column} names a row that is missing or removed`);
    }
  }
  return reasons;
}

async function findBadRows(
  session: SqlSession,
  database: SqlDatabase,
  table: StoreTable,
  gone: KeySets,
): Promise<RemovedRow[]> {
  const removed: RemovedRow[] = [];
  let page: StoredRow[] = [];
  const judgePage = async () => {
    const orphans = await lostParent(session, database, table, page, gone);
    for (const row of page) {
      const reason = rowProblem(table, row)?.message ?? orphans.get(String(row.key));
      if (reason === undefined) continue;
      removed.push({ table, reason, row });
      gone[table].add(String(row.key));
    }
    page = [];
  };
  for await (const row of storedRows(session, table)) {
    page.push(row);
    if (page.length === KEYS_AT_A_TIME) await judgePage();
  }
  if (page.length > 0) await judgePage();
  return removed;
}

async function remakeIndexes(session: SqlSession): Promise<void> {
  await session.run("INSERT INTO prompt_words (prompt_words) VALUES ('delete-all')");
  await session.run(
    `INSERT INTO prompt_words (rowid, text)
     SELECT p.rowid, (SELECT group_concat(value ->> 'content', ' ') FROM json_each(p.messages)) FROM prompts p
     WHERE json_valid(p.messages)`,
  );
}

/**
 * Removes rows whose key does not match their content, rows that cannot be read, and rows that hang on such or missing rows, in
 * one transaction; SQLite's indexes are made again. `keep` receives the removed rows before the transaction ends: if it fails,
 * nothing is removed.
 */
export async function repairDatabase(
  database: SqlDatabase,
  keep: (removed: readonly RemovedRow[]) => void,
): Promise<readonly RemovedRow[]> {
  const isSqlite = database.dialect.name === "sqlite";
  if (isSqlite) await database.run("REINDEX");
  return await database.transaction(async (session) => {
    const gone: KeySets = {
      prompts: new Set(),
      responses: new Set(),
      judgements: new Set(),
      selections: new Set(),
    };
    const removed: RemovedRow[] = [];
    for (const table of PARENTS_FIRST) removed.push(...(await findBadRows(session, database, table, gone)));
    for (const table of PARENTS_FIRST.toReversed()) {
      const keys = [...gone[table]];
      for (let start = 0; start < keys.length; start += KEYS_AT_A_TIME) {
        const some = keys.slice(start, start + KEYS_AT_A_TIME);
        await session.run(`DELETE FROM ${table} WHERE ${database.dialect.anyOf("key", "$1")}`, [some]);
      }
    }
    if (isSqlite) await remakeIndexes(session);
    if (removed.length > 0) keep(removed);
    return removed;
  });
}
