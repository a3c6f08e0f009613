import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  backupStore,
  checkStore,
  type JudgedStore,
  migrateStore,
  openStore,
  repairStore,
  SCHEMA_VERSION,
  storeSchemaVersion,
} from "../../src/judged/index.ts";
import { collect, judgementRow, promptRow, responseRow, selectionRow } from "../support/store-rows.ts";
import { describeStores, type StorePlace } from "../support/stores.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tutti-care-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const PROMPTS = Array.from({ length: 700 }, (_, index) => promptRow(index));
const RESPONSES = PROMPTS.flatMap((prompt) => [responseRow(prompt), responseRow(prompt, { seedIndex: 1 })]);
const JUDGEMENTS = RESPONSES.map((response) => judgementRow(response));

async function populate(place: StorePlace): Promise<JudgedStore> {
  const store = await place.open();
  await store.putAll({
    prompts: PROMPTS,
    responses: RESPONSES,
    judgements: JUDGEMENTS,
    selections: [selectionRow(PROMPTS[0]!, { responseKey: RESPONSES[0]!.key })],
  });
  await store.work.add("job", ["one", "two"]);
  await store.work.claim("job", "worker", 1, 60_000);
  return store;
}

async function everything(store: JudgedStore): Promise<unknown> {
  return {
    prompts: await collect(store.prompts()),
    responses: await collect(store.responses()),
    judgements: await collect(store.judgements()),
    selections: await collect(store.selections()),
    found: (await store.searchPrompts('"17 plus 17"', 5)).map(({ id }) => id),
  };
}

/** Lets rows be written that break references, as another program might. */
async function withoutReferences(place: StorePlace, statements: readonly string[]): Promise<void> {
  const off =
    place.kind === "sqlite" ? "PRAGMA foreign_keys = OFF" : "SET session_replication_role = replica";
  await place.sql([off, ...statements].join(";\n"));
}

describeStores((place) => {
  test("a populated store goes down version by version and up again", async () => {
    const store = await populate(place);
    const before = await everything(store);
    await store.close();
    expect(await storeSchemaVersion(place.url())).toBe(SCHEMA_VERSION);
    for (let version = SCHEMA_VERSION - 1; version >= 1; version--) {
      expect(await migrateStore(place.url(), { version, mayLose: true })).toEqual({
        from: version + 1,
        to: version,
      });
      await expect(openStore(place.url())).rejects.toMatchObject({ code: "STORE_INVALID" });
    }
    expect(await migrateStore(place.url())).toEqual({ from: 1, to: SCHEMA_VERSION });
    const again = await place.open();
    expect(await everything(again)).toEqual(before);
    expect(await again.work.jobs()).toEqual([]);
    expect(await checkStore(place.url())).toMatchObject({ problemCount: 0 });
  });

  test("going down says what would be lost, and to nothing leaves an empty database", async () => {
    await (await populate(place)).close();
    await expect(migrateStore(place.url(), { version: 1 })).rejects.toThrow(
      /loses the progress of unfinished jobs/,
    );
    // What goes with this step can be made again.
    expect(await migrateStore(place.url(), { version: 6 })).toEqual({ from: SCHEMA_VERSION, to: 6 });
    await migrateStore(place.url(), { version: 0, mayLose: true });
    expect(await storeSchemaVersion(place.url())).toBe(0);
    await expect(checkStore(place.url())).rejects.toMatchObject({ code: "STORE_INVALID" });
    await expect(migrateStore(place.url(), { version: 99 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  test("a store of a newer version and a database of somebody else are refused", async () => {
    await (await place.open()).close();
    await place.sql("UPDATE store_schema SET version = 99");
    await expect(openStore(place.url())).rejects.toThrow(/schema version 99/);
    await expect(migrateStore(place.url())).rejects.toMatchObject({ code: "STORE_INVALID" });
    await place.sql("DROP TABLE store_schema");
    await expect(openStore(place.url())).rejects.toThrow(/other tables/);
  });

  test("check finds changed content, unreadable rows and dangling references; repair moves them into a file", async () => {
    const store = await populate(place);
    expect(await checkStore(place.url())).toEqual({
      rows: { prompts: 700, responses: 1400, judgements: 1400, selections: 1 },
      problems: [],
      problemCount: 0,
    });
    expect(await repairStore(place.url())).toEqual([]);
    const [changed, gone] = [PROMPTS[0]!, RESPONSES[7]!];
    await withoutReferences(place, [
      `UPDATE prompts SET messages = '[{"role":"user","content":"else"}]' WHERE key = '${changed.key}'`,
      `DELETE FROM responses WHERE key = '${gone.key}'`,
      `UPDATE judgements SET explanation = '{' WHERE key = '${JUDGEMENTS[9]!.key}'`,
    ]);
    const { problems } = await checkStore(place.url());
    expect(problems.map(({ kind, table, key }) => [kind, table, key])).toEqual([
      ["wrong_key", "prompts", changed.key],
      ["unreadable", "judgements", JUDGEMENTS[9]!.key],
      ["dangling", "judgements", JUDGEMENTS[7]!.key],
    ]);
    const file = join(folder, "removed.jsonl");
    await expect(repairStore(place.url())).rejects.toThrow(/rows have to be removed/);
    expect((await checkStore(place.url())).problemCount).toBe(3);
    const removed = await repairStore(place.url(), file);
    // The prompt, its two responses, their two judgements and the selection; the dangling and the unreadable judgement.
    expect(removed.map(({ table }) => table)).toEqual([
      "prompts",
      ...["responses", "responses"],
      ...["judgements", "judgements", "judgements", "judgements"],
      "selections",
    ]);
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).row.key)).toEqual(removed.map(({ row }) => row.key));
    expect(await checkStore(place.url())).toMatchObject({ problemCount: 0 });
    expect((await collect(store.prompts())).length).toBe(699);
    expect(await store.searchPrompts('"17 plus 17"', 5)).toHaveLength(1);
  });

  test("a backup is the same store, and the other database takes it too", async () => {
    const store = await populate(place);
    const before = await everything(store);
    const file = join(folder, "backup.db");
    expect(await backupStore(place.url(), file)).toEqual({ target: file });
    await expect(backupStore(place.url(), file)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const copy = await openStore(file);
    try {
      expect(await everything(copy)).toEqual(before);
      expect(await copy.work.progress("job")).toEqual({ open: 1, leased: 1, done: 0, failed: 0 });
    } finally {
      await copy.close();
    }
    if (place.kind !== "postgres") return;
    const restored = place.url().replace(/schema=/, "schema=restored_");
    try {
      await backupStore(file, restored);
      const again = await openStore(restored);
      expect(await everything(again)).toEqual(before);
      expect(await again.work.claim("job", "other", 5, 1000)).toEqual(["two"]);
      await again.close();
      await expect(backupStore(file, restored)).rejects.toThrow(/which exists/);
    } finally {
      await place.sql(`DROP SCHEMA IF EXISTS ${/schema=(\w+)/.exec(restored)![1]} CASCADE`);
    }
  });
});
