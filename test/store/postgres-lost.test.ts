/** Connections that the server ends are made again, and what they were doing is done again. */
import { expect, test } from "vitest";
import { collect, promptRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const END_ALL =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tutti' AND pid <> pg_backend_pid()";

describeStores((place) => {
  test.skipIf(place.kind === "sqlite")("a store outlives its connections", async () => {
    const store = await place.open();
    const prompts = Array.from({ length: 300 }, (_, index) => promptRow(index));
    await store.putPrompts(prompts.slice(0, 100));
    await place.sql(END_ALL);
    expect((await store.stats()).prompts).toBe(100);
    const putting = [
      store.putPrompts(prompts.slice(100, 200)),
      store.putPrompts(prompts.slice(200)),
      store.work.add("job", ["a", "b"]),
    ];
    for (let round = 0; round < 5; round++) await place.sql(END_ALL);
    await Promise.all(putting);
    expect((await collect(store.prompts())).length).toBe(300);
    expect(await store.work.progress("job")).toMatchObject({ open: 2 });
  });
});
