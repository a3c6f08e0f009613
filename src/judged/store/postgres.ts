/** PostgreSQL by pg. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { messageOf, TuttiError } from "../../support/errors.ts";
import type { Dialect, InsertTarget, SqlDatabase, SqlSession, SqlValue } from "./database.ts";
import type { StoredRow, StoredValue } from "./tables.ts";

const CONNECTIONS = 4;
const CONNECT_LIMIT_MS = 15_000;
const ATTEMPTS = 8;
const DEFAULT_SCHEMA = "tutti";
/** Serialisation failure, deadlock. */
const CONFLICTS = new Set(["40001", "40P01"]);
/** Pause before the second attempt; each further one waits twice as long, about 13 seconds in all. */
const FIRST_PAUSE_MS = 100;
const SCHEMA_LOCK = 7_311_886;

const DIALECT: Dialect = {
  name: "postgres",
  anyOf: (column, placeholder) => `${column} = ANY (${placeholder}::text[])`,
  lockRows: "FOR UPDATE",
  lockFreeRows: "FOR UPDATE SKIP LOCKED",
  nowMs: "CAST(1000 * extract(epoch FROM clock_timestamp()) AS BIGINT)",
};

const CAST: Readonly<Record<string, string>> = {
  number: "double precision",
  integer: "bigint",
  boolean: "boolean",
};

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? "");
}

function failure(cause: unknown, url: string): unknown {
  if (TuttiError.is(cause)) return cause;
  const code = codeOf(cause);
  const details = { store: url, code };
  if (code === "23503") {
    return new TuttiError("STORE_INVALID", `${url}: a row refers to a row that the store does not have`, {
      cause,
      details,
      hint: "put prompts before their responses, and responses before their judgements",
    });
  }
  const isServerAnswer = cause instanceof pg.DatabaseError;
  if (!isServerAnswer || /^(08|28|3D|53|57)/.test(code)) {
    return new TuttiError("STORE_UNREACHABLE", `${url}: ${messageOf(cause)}`, {
      cause,
      details,
      hint: "check address, database, user and password, and that the server runs and takes connections",
    });
  }
  return new TuttiError("STORE_FAILED", `${url}: ${messageOf(cause)}`, { cause, details });
}

/** The server went away or is about to come back, as it does when it is restarted. */
function isConnectionLost(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|57P0)/.test(codeOf(error));
  return (
    /^E[A-Z]+$/.test(codeOf(error)) ||
    /connection terminated|connection error and is not queryable/i.test(messageOf(error))
  );
}

interface Queryable {
  query(sql: string, values?: unknown[]): Promise<pg.QueryResult>;
}

class PostgresSession implements SqlSession {
  readonly #client: Queryable;

  constructor(client: Queryable) {
    this.#client = client;
  }

  async rows(sql: string, values: readonly SqlValue[] = []): Promise<readonly StoredRow[]> {
    return (await this.#client.query(sql, [...values])).rows;
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#client.query(sql, [...values])).rowCount ?? 0;
  }

  /** All rows travel as one JSON value. */
  async insert(
    { table, columns, conflict }: InsertTarget,
    rows: readonly (readonly StoredValue[])[],
  ): Promise<number> {
    if (rows.length === 0) return 0;
    const names = columns.map(({ name }) => name).join(", ");
    const values = columns
      .map(({ type }, index) => `(value ->> ${index})::${CAST[type] ?? "text"}`)
      .join(", ");
    return await this.run(
      `INSERT INTO ${table} (${names}) SELECT ${values}
       FROM json_array_elements($1::json) WITH ORDINALITY AS list (value, place) ORDER BY place ${conflict}`,
      [JSON.stringify(rows)],
    );
  }
}

class PostgresDatabase implements SqlDatabase {
  readonly dialect = DIALECT;
  readonly url: string;
  readonly #pool: pg.Pool;
  readonly #session: PostgresSession;
  #wasReached = false;

  constructor(url: string, pool: pg.Pool) {
    this.url = url;
    this.#pool = pool;
    this.#session = new PostgresSession(pool);
  }

  /**
   * Work is done again after a conflict with another process and, once the store was reached, after a lost connection: all of it
   * may be done twice, since keys are idempotent and leases expire.
   */
  async #guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await work();
        this.#wasReached = true;
        return result;
      } catch (error) {
        const isLost = this.#wasReached && isConnectionLost(error);
        if (!(isLost || CONFLICTS.has(codeOf(error))) || attempt === ATTEMPTS) throw failure(error, this.url);
        if (isLost) await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
      }
    }
  }

  rows(sql: string, values?: readonly SqlValue[]): Promise<readonly StoredRow[]> {
    return this.#guarded(() => this.#session.rows(sql, values));
  }

  run(sql: string, values?: readonly SqlValue[]): Promise<number> {
    return this.#guarded(() => this.#session.run(sql, values));
  }

  insert(target: InsertTarget, rows: readonly (readonly StoredValue[])[]): Promise<number> {
    return this.#guarded(() => this.#session.insert(target, rows));
  }

  transaction<Result>(work: (session: SqlSession) => Promise<Result>): Promise<Result> {
    return this.#guarded(async () => {
      const client = await this.#pool.connect();
      let lost: Error | undefined;
      const onError = (error: Error) => {
        lost = error;
      };
      client.on("error", onError);
      try {
        await client.query("BEGIN");
        const result = await work(new PostgresSession(client));
        await client.query("COMMIT");
        return result;
      } catch (error) {
        if (isConnectionLost(error)) lost = error as Error;
        else await client.query("ROLLBACK").catch(onError);
        throw error;
      } finally {
        client.off("error", onError);
        client.release(lost);
      }
    });
  }

  async close(): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end();
  }
}

interface Address {
  readonly connectionString: string;
  readonly schema: string;
  readonly shown: string;
}

function parseAddress(url: string): Address {
  let address: URL;
  try {
    address = new URL(url);
  } catch (cause) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      "store: received a postgres address that cannot be read, expected postgres://USER@HOST/DATABASE",
      {
        details: { reason: (cause as NodeJS.ErrnoException).code },
        hint: "escape special characters of the password (%40 for @), or give it in PGPASSWORD",
      },
    );
  }
  const schema = address.searchParams.get("schema") ?? DEFAULT_SCHEMA;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `store: received the schema "${schema}", expected a plain name`,
      {
        hint: "use up to 63 lower-case letters, digits and underscores",
      },
    );
  }
  address.searchParams.delete("schema");
  const connectionString = address.href;
  address.password = "";
  address.searchParams.delete("password");
  if (schema !== DEFAULT_SCHEMA) address.searchParams.set("schema", schema);
  return { connectionString, schema, shown: address.href };
}

/** The address as it may be shown and logged: without any password. */
export function withoutPassword(url: string): string {
  return parseAddress(url).shown;
}

/** @throws {TuttiError} INVALID_ARGUMENT, STORE_UNREACHABLE */
export async function openPostgres(url: string): Promise<SqlDatabase> {
  const { connectionString, schema, shown } = parseAddress(url);
  const pool = new pg.Pool({
    connectionString,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    options: `-c search_path=${schema}`,
    application_name: "tutti",
  });
  let lost: unknown;
  pool.on("error", (error) => {
    // An idle connection ended; the next query opens another and reports what it finds.
    lost = error;
  });
  pool.on("connect", (client) => {
    // The server may end a connection in the moment between the pool's listener and the borrower's; what runs next on it fails.
    client.on("error", (error) => {
      lost = error;
    });
  });
  const database = new PostgresDatabase(shown, pool);
  try {
    await database.transaction(async (session) => {
      await session.rows(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
      const [row] = await session.rows("SELECT to_regnamespace($1) AS found", [schema]);
      if (row?.found == null) await session.run(`CREATE SCHEMA ${schema}`);
    });
    return database;
  } catch (error) {
    await database.close();
    throw lost === undefined ? error : failure(lost, shown);
  }
}
