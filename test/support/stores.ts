/** Runs one suite over SQLite and PostgreSQL, each test with an empty store of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { type JudgedStore, openStore } from "../../src/judged/index.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

export interface StorePlace {
  readonly kind: "sqlite" | "postgres";
  /** Address of the test's store. */
  url(): string;
  /** Opens it; closed after the test. */
  open(): Promise<JudgedStore>;
  /** Runs SQL beside the store, as a person with a database shell could. */
  sql(statement: string): Promise<readonly Record<string, unknown>[]>;
}

let count = 0;

function sqlitePlace(): StorePlace & { prepare(): void; clear(): Promise<void> } {
  let folder = "";
  const opened: JudgedStore[] = [];
  const path = () => join(folder, "store.db");
  return {
    kind: "sqlite",
    prepare: () => {
      folder = mkdtempSync(join(tmpdir(), "tutti-store-"));
    },
    url: path,
    open: async () => {
      const store = await openStore(path());
      opened.push(store);
      return store;
    },
    sql: async (statement) => {
      const { default: Sqlite } = await import("libsql");
      const database = new Sqlite(path());
      try {
        if (!/^\s*(select|pragma)/i.test(statement)) {
          database.exec(statement);
          return [];
        }
        return database.prepare(statement).all() as Record<string, unknown>[];
      } finally {
        database.close();
      }
    },
    clear: async () => {
      for (const store of opened.splice(0)) await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function postgresPlace(server: () => TestPostgres): ReturnType<typeof sqlitePlace> {
  let schema = "";
  const opened: JudgedStore[] = [];
  const url = () => `${server().url}&schema=${schema}`;
  const sql = async (statement: string) => {
    const client = new pg.Client({ connectionString: server().url, options: `-c search_path=${schema}` });
    await client.connect();
    try {
      return (await client.query(statement)).rows ?? [];
    } finally {
      await client.end();
    }
  };
  return {
    kind: "postgres",
    prepare: () => {
      schema = `t${process.pid}_${count++}`;
    },
    url,
    open: async () => {
      const store = await openStore(url());
      opened.push(store);
      return store;
    },
    sql,
    clear: async () => {
      for (const store of opened.splice(0)) await store.close();
      await sql(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    },
  };
}

/** `suite` declares tests; both databases run them. */
export function describeStores(suite: (place: StorePlace) => void): void {
  describe("SQLite", () => {
    const place = sqlitePlace();
    // Before each test rather than in `beforeEach`, so that a test's own hooks see the place.
    place.prepare();
    afterEach(async () => {
      await place.clear();
      place.prepare();
    });
    afterAll(() => place.clear());
    suite(place);
  });
  const server = startPostgres();
  describe.skipIf(server === undefined)("PostgreSQL", () => {
    const place = postgresPlace(() => server!);
    beforeAll(() => place.prepare());
    afterEach(async () => {
      await place.clear();
      place.prepare();
    });
    afterAll(() => server?.stop());
    suite(place);
  });
}
