/** Which version of the schema a database has, and moving it to another. */
import { TuttiError } from "../../support/errors.ts";
import type { SqlDatabase, SqlSession } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Any number that nothing else is likely to lock in the same database. */
const MIGRATION_LOCK = 7_311_887;

async function tableNames(
  session: SqlSession,
  dialect: SqlDatabase["dialect"]["name"],
): Promise<Set<string>> {
  const rows = await session.rows(
    dialect === "sqlite"
      ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
      : "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()",
  );
  return new Set(rows.map(({ name }) => String(name)));
}

/** Version of the schema; 0 for a database that is empty. @throws {TuttiError} STORE_INVALID: tables of somebody else */
async function versionIn(session: SqlSession, database: SqlDatabase): Promise<number> {
  const tables = await tableNames(session, database.dialect.name);
  if (tables.has("store_schema")) {
    const [row] = await session.rows("SELECT version FROM store_schema");
    return Number(row?.version ?? 0);
  }
  if (tables.size === 0) return 0;
  const some = [...tables].sort().slice(0, 3).join(", ");
  throw new TuttiError(
    "STORE_INVALID",
    `${database.url}: received a database with other tables (${some}), expected a store or an empty database`,
    { details: { store: database.url }, hint: "name a new file, or for PostgreSQL another ?schema=" },
  );
}

export async function schemaVersion(database: SqlDatabase): Promise<number> {
  return await versionIn(database, database);
}

/** Steps to be taken from one version to another, in order, with the version that each leads to. */
function stepsBetween(from: number, to: number, dialect: SqlDatabase["dialect"]["name"]): string[] {
  if (from <= to) return MIGRATIONS.slice(from, to).flatMap((step) => step.up(dialect));
  return MIGRATIONS.slice(to, from)
    .reverse()
    .flatMap((step) => step.down(dialect));
}

/** What would be lost by going from one version to an older one. */
export function lossesBetween(from: number, to: number): string[] {
  return MIGRATIONS.slice(to, from).flatMap(({ loses }) => (loses === undefined ? [] : [loses]));
}

/**
 * Moves the schema to a version, up or down, in one transaction that other processes wait for. Returns the version it had.
 *
 * @throws {TuttiError} STORE_INVALID (made by a newer Tutti, tables of somebody else), INVALID_ARGUMENT
 */
export async function migrateSchema(database: SqlDatabase, version = SCHEMA_VERSION): Promise<number> {
  if (!Number.isInteger(version) || version < 0 || version > SCHEMA_VERSION) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `schema version: received ${version}, expected a whole number from 0 to ${SCHEMA_VERSION}`,
    );
  }
  return await database.transaction(async (session) => {
    const dialect = database.dialect.name;
    if (dialect === "postgres") await session.rows(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const from = await versionIn(session, database);
    if (from > SCHEMA_VERSION) throw newerSchema(database.url, from);
    if (from === version) return from;
    for (const statement of stepsBetween(from, version, dialect)) await session.run(statement);
    await session.run("CREATE TABLE IF NOT EXISTS store_schema (version INTEGER NOT NULL)");
    await session.run("DELETE FROM store_schema");
    if (version === 0) await session.run("DROP TABLE store_schema");
    else await session.run("INSERT INTO store_schema (version) VALUES ($1)", [version]);
    return from;
  });
}

function newerSchema(url: string, version: number): TuttiError {
  return new TuttiError(
    "STORE_INVALID",
    `${url}: the store has schema version ${version}, this Tutti knows versions up to ${SCHEMA_VERSION}`,
    { details: { store: url, version }, hint: "use the newer Tutti, or let it migrate the store down" },
  );
}

/** Makes the schema in an empty database. @throws {TuttiError} STORE_INVALID: another version, tables of somebody else */
export async function ensureSchema(database: SqlDatabase): Promise<void> {
  const version = await schemaVersion(database);
  if (version === SCHEMA_VERSION) return;
  if (version > SCHEMA_VERSION) throw newerSchema(database.url, version);
  if (version > 0) {
    throw new TuttiError(
      "STORE_INVALID",
      `${database.url}: the store has schema version ${version}, this Tutti works with version ${SCHEMA_VERSION}`,
      {
        details: { store: database.url, version },
        hint: "run `tutti store backup`, then `tutti store migrate`",
      },
    );
  }
  await migrateSchema(database);
}
