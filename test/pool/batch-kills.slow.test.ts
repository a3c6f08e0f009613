/**
 * Two processes sample in batches and are killed at random, also between asking the provider and writing down what it said: every
 * answer is there once and paid once.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { startBatchServer } from "../support/batch-server.ts";
import { killedAtRandom } from "../support/kills.ts";
import { collect, promptRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const PROMPTS = 40;
const SAMPLES = 2;

describeStores((place) => {
  test.each(["openai", "anthropic"] as const)(
    "%s: nothing lost, nothing doubled, nothing paid twice",
    async (kind) => {
      const store = await place.open();
      await store.putPrompts(Array.from({ length: PROMPTS }, (_, number) => promptRow(number)));
      const server = await startBatchServer({ kind, looks: 4, delayMs: 60 });
      const args = [place.url(), server.origin, kind];
      await killedAtRandom(join(import.meta.dirname, "batching-worker.ts"), { args, processes: 2, kills: 4 });
      const rows = await collect(store.responses());
      expect(rows.length).toBe(PROMPTS * SAMPLES);
      expect(rows.every(({ status }) => status === "ok")).toBe(true);
      expect(server.paid.size).toBe(PROMPTS * SAMPLES);
      expect([...server.paid.values()].filter((times) => times !== 1)).toEqual([]);
      const [job] = await store.work.jobs();
      expect(await store.batches.open(job!)).toEqual({ batches: 0, requests: 0 });
      const usd = rows.reduce((sum, { costUsd = 0 }) => sum + costUsd, 0);
      expect((await store.work.spent([job!])).usd).toBeCloseTo(usd, 12);
    },
    300_000,
  );
});
