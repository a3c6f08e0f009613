/** SQLite by libsql: one connection, write-ahead log, safe with several processes on one file. */
import { setTimeout as sleep } from "node:timers/promises";
import Sqlite from "libsql";
import { messageOf, TuttiError } from "../../support/errors.ts";
import type { Dialect, InsertTarget, SqlDatabase, SqlSession, SqlValue } from "./database.ts";
import type { StoredRow, StoredValue } from "./tables.ts";

/** The driver blocks the event loop while it waits for another process, so it waits briefly and the rest is waited here. */
const DRIVER_WAIT_MS = 100;
const BUSY_LIMIT_MS = 60_000;
const BUSY_PAUSE_MS = 5;

const DIALECT: Dialect = {
  name: "sqlite",
  anyOf: (column, placeholder) => `${column} IN (SELECT value FROM json_each(${placeholder}))`,
  lockRows: "",
  lockFreeRows: "",
  nowMs: "CAST(1000 * unixepoch('subsec') AS INTEGER)",
};

interface Statement {
  all(values: readonly StoredValue[]): unknown[];
  run(values: readonly StoredValue[]): { readonly changes: number };
}

function bound(value: SqlValue): StoredValue {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "object" && value !== null ? JSON.stringify(value) : (value as StoredValue);
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? "");
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error));
}

function failure(cause: unknown, url: string): unknown {
  if (TuttiError.is(cause)) return cause;
  const code = codeOf(cause);
  const message = messageOf(cause);
  const details = { store: url, code };
  if (isBusy(cause)) {
    return new TuttiError(
      "STORE_UNREACHABLE",
      `${url}: another process has held the write lock for ${BUSY_LIMIT_MS / 1000} seconds`,
      { cause, details, hint: "let the other process end, or use PostgreSQL for many writers" },
    );
  }
  if (code === "SQLITE_NOTADB") {
    return new TuttiError(
      "STORE_INVALID",
      `${url}: received a file that is no SQLite database, expected a store`,
      {
        cause,
        details,
        hint: "name another file; judged records (.jsonl) are imported with `tutti data import`",
      },
    );
  }
  if (code.startsWith("SQLITE_CORRUPT")) {
    return new TuttiError("STORE_FAILED", `${url}: the database file is damaged (${message})`, {
      cause,
      details,
      hint: "run `tutti store check`, then `tutti store repair`, or take the last backup",
    });
  }
  if (code === "SQLITE_CONSTRAINT_FOREIGNKEY") {
    return new TuttiError("STORE_INVALID", `${url}: a row refers to a row that the store does not have`, {
      cause,
      details,
      hint: "put prompts before their responses, and responses before their judgements",
    });
  }
  if (message.includes("Unable to open") || code === "SQLITE_CANTOPEN") {
    return new TuttiError("STORE_UNREACHABLE", `${url}: the database file cannot be opened`, {
      cause,
      details,
      hint: "check that the folder exists and may be written to",
    });
  }
  return new TuttiError("STORE_FAILED", `${url}: ${message}`, { cause, details });
}

/** Repeats `attempt` while another process is in the way. */
async function patiently<Result>(url: string, attempt: () => Result | Promise<Result>): Promise<Result> {
  const start = performance.now();
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() - start > BUSY_LIMIT_MS) throw failure(error, url);
      await sleep(BUSY_PAUSE_MS * Math.min(attempts, 10));
    }
  }
}

class SqliteSession implements SqlSession {
  readonly #database: Sqlite.Database;
  readonly #statements = new Map<string, Statement>();

  constructor(database: Sqlite.Database) {
    this.#database = database;
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql.replace(/\$(\d+)/g, "?$1")) as unknown as Statement;
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  async rows(sql: string, values: readonly SqlValue[] = []): Promise<readonly StoredRow[]> {
    return this.#prepared(sql).all(values.map(bound)) as StoredRow[];
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.#prepared(sql).run(values.map(bound)).changes;
  }

  async insert(
    { table, columns, conflict }: InsertTarget,
    rows: readonly (readonly StoredValue[])[],
  ): Promise<number> {
    const names = columns.map(({ name }) => name).join(", ");
    const places = columns.map((_, index) => `$${index + 1}`).join(", ");
    const statement = this.#prepared(`INSERT INTO ${table} (${names}) VALUES (${places}) ${conflict}`);
    let changes = 0;
    for (const row of rows) changes += statement.run(row.map(bound)).changes;
    return changes;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }
}

/** One connection serves one piece of work at a time, so that no transaction sees or holds statements of another. */
class SqliteDatabase implements SqlDatabase {
  readonly dialect = DIALECT;
  readonly url: string;
  readonly #connection: Sqlite.Database;
  readonly #session: SqliteSession;
  #last: Promise<unknown> = Promise.resolve();

  constructor(url: string, connection: Sqlite.Database) {
    this.url = url;
    this.#connection = connection;
    this.#session = new SqliteSession(connection);
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(() => patiently(this.url, work));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  rows(sql: string, values?: readonly SqlValue[]): Promise<readonly StoredRow[]> {
    return this.#inTurn(() => this.#session.rows(sql, values));
  }

  run(sql: string, values?: readonly SqlValue[]): Promise<number> {
    return this.#inTurn(() => this.#session.run(sql, values));
  }

  insert(target: InsertTarget, rows: readonly (readonly StoredValue[])[]): Promise<number> {
    return this.transaction((session) => session.insert(target, rows));
  }

  transaction<Result>(work: (session: SqlSession) => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => {
      this.#session.exec("BEGIN IMMEDIATE");
      try {
        const result = await work(this.#session);
        this.#session.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.#session.inTransaction) this.#session.exec("ROLLBACK");
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.#last;
    if (this.#connection.open) this.#connection.close();
  }
}

/**
 * Opens or makes a database file. Commits survive the end of the process at once, and of the machine once the log is flushed
 * (`synchronous = NORMAL`): a power cut may take the last transactions, never the file.
 *
 * @throws {TuttiError} STORE_UNREACHABLE (no such folder, locked), STORE_INVALID (not SQLite)
 */
export async function openSqlite(path: string, url: string): Promise<SqlDatabase> {
  return await patiently(url, () => {
    const connection = new Sqlite(path);
    try {
      connection.exec(`PRAGMA busy_timeout = ${DRIVER_WAIT_MS}`);
      connection.exec("PRAGMA journal_mode = WAL");
      connection.exec("PRAGMA synchronous = NORMAL");
      connection.exec("PRAGMA foreign_keys = ON");
      return new SqliteDatabase(url, connection);
    } catch (error) {
      connection.close();
      throw error;
    }
  });
}
