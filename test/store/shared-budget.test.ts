/** Reservations and spending of jobs, shared by all workers of a store. */
import { expect, test } from "vitest";
import { type JudgedStore, migrateStore } from "../../src/judged/index.ts";
import { judgementRow, promptRow, responseRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const LEASE_MS = 60_000;
const JOB = "sample:m:1";
const PROMPT = promptRow(1);

/** A store whose worker `first` holds the items a, b and c, and `second` d and e. */
async function withItems(store: JudgedStore): Promise<JudgedStore> {
  await store.putPrompts([PROMPT]);
  await store.work.add(JOB, ["a", "b", "c", "d", "e"]);
  expect(await store.work.claim(JOB, "first", 3, LEASE_MS)).toEqual(["a", "b", "c"]);
  expect(await store.work.claim(JOB, "second", 2, LEASE_MS)).toEqual(["d", "e"]);
  return store;
}

const costing = (usd: number, ...items: string[]) => items.map((item) => ({ item, usd, tokens: 10 }));

const answer = (seedIndex: number, costUsd: number) =>
  responseRow(PROMPT, { seedIndex, costUsd, promptTokens: 4, completionTokens: 2, source: JOB });

describeStores((place) => {
  test("what one worker reserves, another does not have", async () => {
    const { work } = await withItems(await place.open());
    const limits = { usd: 1 };
    const first = { job: JOB, worker: "first", items: costing(0.4, "a", "b", "c") };
    expect(await work.reserve(first, [JOB], limits)).toEqual({ granted: 2, open: 2 });
    const second = { job: JOB, worker: "second", items: costing(0.2, "d", "e") };
    expect(await work.reserve(second, [JOB], limits)).toEqual({ granted: 1, open: 3 });
    const more = { job: JOB, worker: "second", items: costing(0.2, "e") };
    expect(await work.reserve(more, [JOB], limits)).toEqual({ granted: 0, open: 3 });
    expect(await work.reserve(more, [JOB], { usd: 2, tokens: 39 })).toEqual({ granted: 0, open: 3 });
    expect(await work.reserve(more, [JOB], { usd: 2, tokens: 40 })).toEqual({ granted: 1, open: 4 });
  });

  test("a finished item counts with what it cost, and its reservation is gone", async () => {
    const { work } = await withItems(await place.open());
    const first = { job: JOB, worker: "first", items: costing(0.5, "a", "b") };
    expect(await work.reserve(first, [JOB], { usd: 1 })).toEqual({ granted: 2, open: 2 });
    await work.finish(JOB, "first", [{ item: "a", responses: [answer(0, 0.1)] }]);
    expect(await work.spent([JOB])).toEqual({ usd: 0.1, tokens: 6 });
    const second = { job: JOB, worker: "second", items: costing(0.4, "d", "e") };
    expect(await work.reserve(second, [JOB], { usd: 1 })).toEqual({ granted: 1, open: 2 });
    const more = { ...second, items: costing(0.5, "e") };
    expect(await work.reserve(more, [JOB], { usd: 1 })).toEqual({ granted: 0, open: 2 });
    await work.release(JOB, "first", ["b"]);
    expect(await work.reserve(more, [JOB], { usd: 1 })).toEqual({ granted: 1, open: 2 });
  });

  test("the reservations of a dead worker end with its leases", async () => {
    const { work } = await withItems(await place.open());
    const first = { job: JOB, worker: "first", items: costing(1, "a") };
    expect(await work.reserve(first, [JOB], { usd: 1 })).toEqual({ granted: 1, open: 1 });
    const second = { job: JOB, worker: "second", items: costing(1, "d") };
    expect(await work.reserve(second, [JOB], { usd: 1 })).toEqual({ granted: 0, open: 1 });
    await place.sql("UPDATE work_items SET lease_until = 1 WHERE worker = 'first'");
    expect(await work.reserve(second, [JOB], { usd: 1 })).toEqual({ granted: 1, open: 1 });
    // Whoever takes the item has to reserve for it.
    expect(await work.claim(JOB, "third", 1, LEASE_MS)).toEqual(["a"]);
    const third = { job: JOB, worker: "third", items: costing(1, "a") };
    expect(await work.reserve(third, [JOB], { usd: 1 })).toEqual({ granted: 0, open: 1 });
  });

  test("several jobs share one budget, and workers ask at the same time", async () => {
    const stores = await Promise.all([place.open(), place.open(), place.open()]);
    const jobs = ["sample:a:1", "sample:b:1", "sample:c:1"];
    const items = Array.from({ length: 20 }, (_, index) => String(index));
    for (const job of jobs) await stores[0]!.work.add(job, items);
    const granted = await Promise.all(
      stores.map(async ({ work }, index) => {
        const [job, worker] = [jobs[index]!, `w${index}`];
        let count = 0;
        for (const item of await work.claim(job, worker, 20, LEASE_MS)) {
          count += (await work.reserve({ job, worker, items: costing(1, item) }, jobs, { usd: 25 })).granted;
        }
        return count;
      }),
    );
    expect(granted.reduce((sum, count) => sum + count)).toBe(25);
  });

  test("a store that comes from an older version knows what its jobs have spent", async () => {
    const store = await withItems(await place.open());
    const rows = [answer(0, 0.25), answer(1, 0.5), responseRow(PROMPT, { seedIndex: 2, costUsd: 9 })];
    await store.putResponses(rows);
    await store.putJudgements([
      judgementRow(rows[0]!, {
        source: "judge:j@1:1",
        costUsd: 0.125,
        explanation: { said: "\u0000", tokens: 7 },
      }),
    ]);
    await store.close();
    await migrateStore(place.url(), { version: 4, mayLose: true });
    await migrateStore(place.url());
    const { work } = await place.open();
    expect(await work.spent([JOB])).toEqual({ usd: 0.75, tokens: 12 });
    expect(await work.spent(["judge:j@1:1"])).toEqual({ usd: 0.125, tokens: 7 });
    expect(await work.spent(["sample"])).toEqual({ usd: 0, tokens: 0 });
  });
});
