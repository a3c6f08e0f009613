/** Three processes sample into one store under one budget, one of them is killed: the budget is the job's, not each process's. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { killedAtRandom } from "../support/kills.ts";
import { collect, promptRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";
import { completion, sendJson, startProvider } from "./provider-server.ts";

const PROMPTS = 60;
const SAMPLES = 4;
/** 7 tokens read at $1 a million and 3 written at $2. */
const ANSWER_USD = 13e-6;
/** Of the prompt's text by its bytes and 16 tokens of answer: what a call reserves. */
const MOST_USD = 40e-6;
/** Of the 480 answers that the job wants. */
const BUDGET_USD = 200 * ANSWER_USD;
const LEASE_MS = 1_500;

describeStores((place) => {
  test("never more is spent than the budget, and little is left of it", async () => {
    const store = await place.open();
    await store.putPrompts(Array.from({ length: PROMPTS }, (_, number) => promptRow(number)));
    const provider = await startProvider((_request, response) => {
      setTimeout(() => sendJson(response, 200, completion("OK")), 40);
    });
    const args = [place.url(), provider.origin, String(SAMPLES), String(LEASE_MS), "8", String(BUDGET_USD)];
    await killedAtRandom(join(import.meta.dirname, "sampling-worker.ts"), { args, processes: 3, kills: 1 });
    const rows = await collect(store.responses());
    const usd = rows.reduce((sum, row) => sum + (row.costUsd ?? 0), 0);
    expect(usd).toBeLessThanOrEqual(BUDGET_USD + 1e-12);
    expect(usd).toBeGreaterThan(BUDGET_USD - MOST_USD);
    expect((await store.work.spent(await store.work.jobs())).usd).toBeCloseTo(usd, 10);
    // What the killed process had under way was answered and is not known of.
    expect(provider.requests.length).toBeLessThanOrEqual(rows.length + 2 * 8);
  }, 300_000);
});
