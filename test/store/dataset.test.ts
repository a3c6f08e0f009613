/** Datasets for routers, from a store as from files. */
import { expect, it } from "vitest";
import { putRecords, readJudgedRecords, readStoreDataset } from "../../src/judged/index.ts";
import { ROOT } from "../support/command.ts";
import { judgementRow, promptRow, responseRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

describeStores((place) => {
  it("is the dataset of the files that were imported, in another order", async () => {
    const files = [`${ROOT}/assets/judged/mtbench.jsonl.gz`];
    const { records, candidates } = await readJudgedRecords(files);
    const store = await place.open();
    await putRecords(store, records, { judge: "recorded", source: "mtbench" });
    const read = await readStoreDataset(store);
    expect([...read.candidates]).toEqual([...candidates].sort());
    const byId = (rows: typeof records) => new Map(rows.map((row) => [row.id, row]));
    expect(byId(read.records)).toEqual(byId(records));
    const two = candidates.slice(0, 2);
    expect((await readStoreDataset(store, { models: two })).candidates).toEqual(two);
  });

  it("says what is missing", async () => {
    const store = await place.open();
    await expect(readStoreDataset(store)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const prompt = promptRow(1);
    const [small, large] = [responseRow(prompt), responseRow(prompt, { model: "large" })];
    await store.putPrompts([prompt]);
    await store.putResponses([small, large]);
    await store.putJudgements([judgementRow(small), judgementRow(large, { judge: "other" })]);
    await expect(readStoreDataset(store)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      hint: "name one of exact, other",
    });
    const both = { judge: "exact", models: ["small", "large"] };
    await expect(readStoreDataset(store, both)).rejects.toMatchObject({ code: "DATASET_INVALID" });
    expect((await readStoreDataset(store, { judge: "exact" })).records.length).toBe(1);
  });
});
