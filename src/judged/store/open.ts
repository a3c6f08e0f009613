/** Opens a store by its address. */
import { TuttiError } from "../../support/errors.ts";
import type { SqlDatabase } from "./database.ts";
import { ensureSchema } from "./schema.ts";
import { SqlStore } from "./sql-store.ts";
import { openSqlite } from "./sqlite.ts";
import type { JudgedStore } from "./store.ts";

const SCHEME = /^([a-z][a-z0-9+.-]+):/i;

/** @throws {TuttiError} INVALID_ARGUMENT, STORE_UNREACHABLE, STORE_INVALID */
export async function openDatabase(url: string): Promise<SqlDatabase> {
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase();
  if (scheme === "postgres" || scheme === "postgresql") {
    const { openPostgres } = await import("./postgres.ts");
    return await openPostgres(url);
  }
  if (scheme === undefined || scheme === "sqlite") {
    const path = scheme === undefined ? url : url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "");
    if (path !== "") return await openSqlite(path, url);
  }
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `store: received the address "${scheme ?? ""}:...", expected a file or a database`,
    {
      hint: "name a file (runs/store.db), sqlite:FILE, or postgres://USER@HOST/DATABASE?schema=NAME",
    },
  );
}

/**
 * Opens a store, making it where there is none yet: a file path, `sqlite:FILE`, or `postgres://USER:PASSWORD@HOST/DATABASE`, where
 * `?schema=NAME` picks the schema that holds the tables (default `tutti`).
 *
 * @throws {TuttiError} INVALID_ARGUMENT, STORE_UNREACHABLE, STORE_INVALID (no store, or one of another schema version)
 */
export async function openStore(url: string): Promise<JudgedStore> {
  const database = await openDatabase(url);
  try {
    await ensureSchema(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return new SqlStore(database);
}
