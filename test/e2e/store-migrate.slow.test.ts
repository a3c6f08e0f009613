/**
 * A populated store moved from SQLite to PostgreSQL and back, and up and down the versions of the schema, by the commands: every row,
 * the work queue, what was spent and the batches at providers are the same at the end.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type JudgedStore, openStore, SCHEMA_VERSION } from "../../src/judged/index.ts";
import { tutti } from "../support/command.ts";
import { startPostgres } from "../support/postgres.ts";
import { collect, judgementRow, promptRow, responseRow, selectionRow } from "../support/store-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-migrate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const server = startPostgres();
afterAll(() => server?.stop());

const JOB = "sample:small:1";
const ODD = "a \u0000 b \ud800 c \u{1f469}";

async function populate(url: string): Promise<void> {
  const store = await openStore(url);
  const prompts = Array.from({ length: 1200 }, (_, index) =>
    promptRow(
      index,
      index === 7 ? { messages: [{ role: "user", content: ODD }], reference: { answer: ODD } } : {},
    ),
  );
  const responses = prompts.map((prompt, index) =>
    responseRow(prompt, { text: index === 7 ? ODD : `answer ${index}` }),
  );
  await store.putAll({
    prompts,
    responses,
    judgements: responses.map((response, index) =>
      judgementRow(response, { score: index % 7 === 0 ? null : index / 3 }),
    ),
    selections: [selectionRow(prompts[0]!, { responseKey: responses[0]!.key })],
  });
  await store.work.add(
    JOB,
    Array.from({ length: 700 }, (_, index) => `item ${index}`),
  );
  const [done, failed, ...held] = await store.work.claim(JOB, "worker", 5, 3_600_000);
  const paid = responseRow(prompts[3]!, {
    seedIndex: 5,
    costUsd: 0.125,
    promptTokens: 3,
    completionTokens: 4,
  });
  await store.work.finish(JOB, "worker", [
    { item: done!, responses: [paid] },
    { item: failed!, isFailed: true },
  ]);
  const reserved = held.map((item) => ({ item, usd: 0.25, tokens: 10 }));
  await store.work.reserve({ job: JOB, worker: "worker", items: reserved }, [JOB], { usd: 10 });
  await store.work.claim(JOB, "tutti-batch", 4, 3_600_000);
  await store.batches.plan(JOB, "tutti-batch", "keeper", 1);
  await store.batches.asking("tutti-batch", 4);
  await store.batches.taken("tutti-batch", "batch_7");
  await store.close();
}

async function contents(store: JudgedStore) {
  return {
    prompts: await collect(store.prompts()),
    responses: await collect(store.responses()),
    judgements: await collect(store.judgements()),
    selections: await collect(store.selections()),
    found: (await store.searchPrompts('"17 plus 17"', 5)).map(({ id }) => id),
    queue: await store.work.progress(JOB),
    spent: await store.work.spent([JOB]),
    batches: await store.batches.open(JOB),
    providers: [...(await store.batches.providerNames())],
    // Reservations and the batch's items are still there: three of the worker and none of the batch, which has no budget.
    room: await store.work.reserve(
      { job: JOB, worker: "nobody", items: [{ item: "item 600", usd: 10 - 0.125 - 0.75, tokens: 0 }] },
      [JOB],
      { usd: 10 },
    ),
  };
}

async function contentsAt(url: string) {
  const store = await openStore(url);
  try {
    return await contents(store);
  } finally {
    await store.close();
  }
}

const run = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await tutti(...args);
  expect(code, stderr).toBe(0);
  return stdout + stderr;
};

describe.skipIf(server === undefined)("SQLite and PostgreSQL", () => {
  test("a store moves there and back, and loses nothing", { timeout: 600_000 }, async () => {
    const [first, last] = [at("first.db"), at("last.db")];
    const remote = `${server!.url}&schema=moved`;
    await populate(first);
    const before = await contentsAt(first);
    expect(before.spent).toEqual({ usd: 0.125, tokens: 7 });
    expect(before.room).toEqual({ granted: 1, open: 4 });
    expect(before.batches).toEqual({ batches: 1, requests: 4 });
    await run("store", "backup", "--store", first, "--to", remote);
    expect(await contentsAt(remote)).toEqual(before);
    expect(await run("store", "check", "--store", remote)).toContain("nothing is wrong");

    // The move survives the other database's way down the versions and up again.
    const down = await run("store", "migrate", "--store", remote, "--to", "5", "--lose");
    expect(down).toContain(`schema version ${SCHEMA_VERSION} -> 5`);
    const refused = await tutti("store", "stats", "--store", remote);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("store migrate")]);
    expect(await run("store", "migrate", "--store", remote)).toContain(
      `schema version 5 -> ${SCHEMA_VERSION}`,
    );

    await run("store", "backup", "--store", remote, "--to", last);
    const { batches, providers, queue, ...rest } = await contentsAt(last);
    const { batches: _, providers: __, queue: whole, ...expected } = before;
    expect(rest).toEqual(expected);
    // Going down to before there were batches gave up the one that there was; its items are open again.
    expect([batches, providers]).toEqual([{ batches: 0, requests: 0 }, []]);
    expect(queue).toEqual({ ...whole, open: whole.open + 4, leased: whole.leased - 4 });

    // What is there already is never overwritten.
    const again = await tutti("store", "backup", "--store", first, "--to", remote);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("which exists")]);
  });
});

test("a store of the first version comes up, by the command, with all of its rows", {
  timeout: 600_000,
}, async () => {
  const url = at("old.db");
  await populate(url);
  const { prompts, responses, judgements, selections, found } = await contentsAt(url);
  const refused = await tutti("store", "migrate", "--store", url, "--to", "1");
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining("loses the progress of unfinished jobs"),
  ]);
  await run("store", "migrate", "--store", url, "--to", "1", "--lose");
  expect(await run("store", "migrate", "--store", url)).toContain(`schema version 1 -> ${SCHEMA_VERSION}`);
  expect(await run("store", "check", "--store", url)).toContain("nothing is wrong");
  expect(await contentsAt(url)).toMatchObject({ prompts, responses, judgements, selections, found });
});
