/** What operators do with a store as a whole: check, repair, back up, migrate. Every function opens the store itself. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { copyDatabase } from "./backup.ts";
import { checkDatabase, type StoreCheck } from "./check.ts";
import type { SqlDatabase } from "./database.ts";
import { openDatabase, sqlitePath } from "./open.ts";
import { type RemovedRow, repairDatabase } from "./repair.ts";
import { ensureSchema, lossesBetween, migrateSchema, SCHEMA_VERSION, schemaVersion } from "./schema.ts";

async function withDatabase<Result>(
  url: string,
  work: (database: SqlDatabase) => Promise<Result>,
): Promise<Result> {
  const path = sqlitePath(url);
  if (path !== undefined && !existsSync(path)) {
    throw new TuttiError("FILE_NOT_FOUND", `no store at ${path}`, {
      details: { store: url },
      hint: "check the spelling of the path; relative paths start at the current folder",
    });
  }
  const database = await openDatabase(url);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

async function requireStore(database: SqlDatabase): Promise<void> {
  if ((await schemaVersion(database)) > 0) {
    await ensureSchema(database);
    return;
  }
  throw new TuttiError("STORE_INVALID", `${database.url}: received an empty database, expected a store`, {
    details: { store: database.url },
    hint: "a store is made by the first command that writes to it, such as `tutti data import`",
  });
}

/** @throws {TuttiError} FILE_NOT_FOUND, STORE_UNREACHABLE, STORE_INVALID (no store, another schema version) */
export async function checkStore(url: string): Promise<StoreCheck> {
  return await withDatabase(url, async (database) => {
    await requireStore(database);
    return await checkDatabase(database);
  });
}

/**
 * Removes rows that cannot be trusted and makes SQLite's indexes again. The removed rows are written to a file, one JSON object a
 * line, before they are gone.
 *
 * @throws {TuttiError} as {@link checkStore}; INVALID_ARGUMENT: rows would be removed and no file is named, or it exists
 */
export async function repairStore(url: string, removedFile?: string): Promise<readonly RemovedRow[]> {
  return await withDatabase(url, async (database) => {
    await requireStore(database);
    return await repairDatabase(database, (removed) => {
      if (removedFile === undefined || existsSync(removedFile)) {
        const received = removedFile === undefined ? "no file" : `${removedFile}, which exists`;
        throw new TuttiError(
          "INVALID_ARGUMENT",
          `${removed.length} rows have to be removed: received ${received}, expected a new file for them`,
          { details: { rows: removed.length }, hint: "name it with --removed; nothing was changed" },
        );
      }
      const lines = removed.map((row) => `${JSON.stringify(row)}\n`);
      writeFileAtomic(removedFile, lines.join(""));
    });
  });
}

export interface BackupResult {
  /** Address of the copy, without any password. */
  readonly target: string;
}

/**
 * A copy of one state of the store, taken while others work on it: a SQLite file of a SQLite store by SQLite itself, anything else
 * row by row. The target is a file that does not exist yet, or an empty PostgreSQL schema.
 *
 * @throws {TuttiError} as {@link checkStore}; INVALID_ARGUMENT: the target exists
 */
export async function backupStore(url: string, target: string): Promise<BackupResult> {
  const file = sqlitePath(target);
  if (file !== undefined && existsSync(file)) throw targetExists(file);
  return await withDatabase(url, async (source) => {
    await requireStore(source);
    if (file !== undefined) {
      await backupToFile(source, file);
      return { target: file };
    }
    const copy = await openDatabase(target);
    try {
      if ((await schemaVersion(copy)) !== 0) throw targetExists(copy.url);
      await ensureSchema(copy);
      await copyDatabase(source, copy);
      return { target: copy.url };
    } finally {
      await copy.close();
    }
  });
}

function targetExists(target: string): TuttiError {
  return new TuttiError("INVALID_ARGUMENT", `target: received ${target}, which exists; expected a new one`, {
    hint: "a backup never overwrites; name another file, or another ?schema= of PostgreSQL",
  });
}

/** The file appears under its name only when it is whole. */
async function backupToFile(source: SqlDatabase, file: string): Promise<void> {
  const unfinished = `${file}.unfinished`;
  for (const ending of ["", "-wal", "-shm"]) rmSync(`${unfinished}${ending}`, { force: true });
  if (source.dialect.name === "sqlite") await source.run("VACUUM INTO $1", [unfinished]);
  const copy = await openDatabase(unfinished);
  try {
    if (source.dialect.name !== "sqlite") {
      await ensureSchema(copy);
      await copyDatabase(source, copy);
    }
    await copy.rows("PRAGMA wal_checkpoint(TRUNCATE)");
    const [state] = await copy.rows("PRAGMA integrity_check(1)");
    if (Object.values(state!)[0] !== "ok") {
      throw new TuttiError("STORE_FAILED", `${unfinished}: the copy is damaged`, {
        details: { file: unfinished },
        hint: "check the store with `tutti store check`, and the disk",
      });
    }
  } finally {
    await copy.close();
  }
  renameSync(unfinished, file);
}

export interface MigrateResult {
  readonly from: number;
  readonly to: number;
}

/**
 * Moves a store to a version of the schema, by default this Tutti's.
 *
 * @throws {TuttiError} as {@link checkStore}; INVALID_ARGUMENT: no such version, or rows would be lost and `mayLose` is not set
 */
export async function migrateStore(
  url: string,
  {
    version = SCHEMA_VERSION,
    mayLose = false,
  }: { readonly version?: number; readonly mayLose?: boolean } = {},
): Promise<MigrateResult> {
  return await withDatabase(url, async (database) => {
    const from = await schemaVersion(database);
    const losses = lossesBetween(from, version);
    if (losses.length > 0 && !mayLose) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `${database.url}: going from version ${from} to ${version} loses ${losses.join(" and ")}`,
        { details: { from, to: version, losses }, hint: "back the store up, then allow it with --lose" },
      );
    }
    return { from: await migrateSchema(database, version), to: version };
  });
}

/** Version of a store's schema; 0 for an empty database. */
export async function storeSchemaVersion(url: string): Promise<number> {
  return await withDatabase(url, schemaVersion);
}
