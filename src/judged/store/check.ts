/** What may be wrong with a store that was edited by hand, cut short by a disk, or written by something else. */
import { messageOf } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import type { SqlDatabase, SqlSession } from "./database.ts";
import { RESPONSE_STATUSES } from "./rows.ts";
import type { StoreTable } from "./store.ts";
import { decodeRow, REFERENCES, type StoredRow, type StoreRow, TABLES, type Table } from "./tables.ts";

export type StoreProblemKind = "damaged" | "wrong_key" | "unreadable" | "dangling" | "search_index";

export interface StoreProblem {
  readonly kind: StoreProblemKind;
  readonly table?: StoreTable;
  /** Key of the row. */
  readonly key?: string;
  readonly message: string;
}

export interface StoreCheck {
  readonly rows: Readonly<Record<StoreTable, number>>;
  /** The first problems of each kind and table. */
  readonly problems: readonly StoreProblem[];
  /** How many there are altogether. */
  readonly problemCount: number;
}

const PAGE_ROWS = 256;
const LISTED_EACH = 100;

/** Every row of a table as the database has it, in key order. */
export async function* storedRows(session: SqlSession, table: StoreTable): AsyncGenerator<StoredRow> {
  const names = TABLES[table].columns.map(({ name }) => name).join(", ");
  let last = "";
  for (;;) {
    const page = await session.rows(
      `SELECT ${names} FROM ${table} WHERE key > $1 ORDER BY key LIMIT ${PAGE_ROWS}`,
      [last],
    );
    yield* page;
    if (page.length < PAGE_ROWS) return;
    last = String(page.at(-1)!.key);
  }
}

/** What is wrong with a row by itself; undefined where nothing is. */
export function rowProblem(name: StoreTable, stored: StoredRow): StoreProblem | undefined {
  const table = TABLES[name] as unknown as Table<StoreRow>;
  const place = { table: name, key: String(stored.key) };
  try {
    const row = decodeRow(table, stored);
    const expected = table.keyOf(row);
    if (row.key !== expected) {
      const message = `the content has the key ${expected}: it was changed after it was written`;
      return { kind: "wrong_key", ...place, message };
    }
    if ("status" in row && !RESPONSE_STATUSES.includes(row.status)) {
      return { kind: "unreadable", ...place, message: `unknown status ${shown(row.status)}` };
    }
  } catch (error) {
    return { kind: "unreadable", ...place, message: messageOf(error) };
  }
  return undefined;
}

class Findings {
  readonly listed: StoreProblem[] = [];
  count = 0;
  readonly #counts = new Map<string, number>();

  add(problem: StoreProblem): void {
    this.count++;
    const group = `${problem.kind} ${problem.table}`;
    const seen = (this.#counts.get(group) ?? 0) + 1;
    this.#counts.set(group, seen);
    if (seen <= LISTED_EACH) this.listed.push(problem);
  }

  /** A part of the check that the database cannot do is itself a finding. */
  async during(part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      this.add({ kind: "damaged", message: messageOf(error) });
    }
  }
}

async function checkFile(database: SqlDatabase, findings: Findings): Promise<void> {
  if (database.dialect.name !== "sqlite") return;
  for (const row of await database.rows(`PRAGMA integrity_check(${LISTED_EACH})`)) {
    const message = String(Object.values(row)[0]);
    if (message !== "ok") findings.add({ kind: "damaged", message });
  }
}

async function checkReferences(database: SqlDatabase, findings: Findings): Promise<void> {
  for (const { table, column, target } of REFERENCES) {
    const rows = await database.rows(
      `SELECT c.key, c.${column} AS missing FROM ${table} c
       WHERE c.${column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${target} t WHERE t.key = c.${column})`,
    );
    for (const { key, missing } of rows) {
      const message = `${column} is ${shown(missing)}, which ${target} does not have`;
      findings.add({ kind: "dangling", table, key: String(key), message });
    }
  }
}

async function checkSearch(database: SqlDatabase, findings: Findings): Promise<void> {
  if (database.dialect.name !== "sqlite") return;
  const [row] = await database.rows(
    `SELECT (SELECT COUNT(*) FROM prompts WHERE rowid NOT IN (SELECT id FROM prompt_words_docsize)) AS missing,
            (SELECT COUNT(*) FROM prompt_words_docsize WHERE id NOT IN (SELECT rowid FROM prompts)) AS left_over`,
  );
  const [missing, leftOver] = [Number(row!.missing), Number(row!.left_over)];
  if (missing + leftOver === 0) return;
  const message = `the search index lacks ${missing} prompts and has ${leftOver} that are gone`;
  findings.add({ kind: "search_index", table: "prompts", message });
}

/** Reads everything once: the file, every key against its row's content, every reference, the search index. */
export async function checkDatabase(database: SqlDatabase): Promise<StoreCheck> {
  const findings = new Findings();
  const rows = { prompts: 0, responses: 0, judgements: 0, selections: 0 };
  await findings.during(() => checkFile(database, findings));
  for (const table of Object.keys(rows) as StoreTable[]) {
    await findings.during(async () => {
      for await (const stored of storedRows(database, table)) {
        rows[table]++;
        const problem = rowProblem(table, stored);
        if (problem !== undefined) findings.add(problem);
      }
    });
  }
  await findings.during(() => checkReferences(database, findings));
  await findings.during(() => checkSearch(database, findings));
  return { rows, problems: findings.listed, problemCount: findings.count };
}
