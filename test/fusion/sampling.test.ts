/** Sampling of several domains within one budget, and how many answers may fail. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type SamplingPart, sampleParts, samplingOf } from "../../src/fusion/fusechat/sampling.ts";
import type { WorkSettings } from "../../src/fusion/fusechat/settings.ts";
import type { FuseContext } from "../../src/fusion/index.ts";
import { openStore } from "../../src/judged/index.ts";
import { scriptedModel } from "../support/chat-server.ts";
import { promptRow } from "../support/store-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-fuse-sampling-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** One call at a time: a budget is overdrawn by the error of the estimates of the one under way and the next. */
const WORK: WorkSettings = { concurrency: 1, leaseSeconds: 5, failuresAllowed: 0 };
/** Of the scripted model: 100 tokens of prompt and 10 of answer. */
const PRICE_USD = 0.1 + 0.1;

/** Two domains of ten prompts, and one model that refuses the prompts with these numbers. */
async function world(name: string, refused: readonly number[] = []) {
  const store = await openStore(join(folder, name));
  const prompts = Array.from({ length: 20 }, (_, number) => promptRow(number));
  await store.putPrompts(prompts);
  const { model, bodies } = await scriptedModel(({ messages }) => {
    const number = Number(/\d+/.exec(messages[0]!.content)![0]);
    return refused.includes(number) ? { text: "no", status: 400 } : { text: `${2 * number}` };
  }, "source");
  const source = { ...model, provider: "openai-compatible" };
  const parts = ["first", "second"].map(
    (domain, index): SamplingPart => ({
      domain,
      promptKeys: prompts.slice(10 * index, 10 * index + 10).map(({ key }) => key),
      models: [samplingOf(source, 1, { max_tokens: 10 })],
    }),
  );
  const run = (work: Partial<WorkSettings>) => {
    const sampling = { ...WORK, ...work };
    const context = {
      settings: { seed: 0, sampling },
      store,
      events: {},
      signal: new AbortController().signal,
    };
    return sampleParts(context as unknown as FuseContext, "sample", parts);
  };
  return { store, run, bodies };
}

it("one budget for all domains: what is spent on one is not there for the next", async () => {
  const { store, run, bodies } = await world("budget.db");
  await expect(run({ budgetUsd: 14.5 * PRICE_USD })).rejects.toMatchObject({ code: "BUDGET_EXHAUSTED" });
  const spent = bodies().length;
  expect(spent).toBeGreaterThanOrEqual(10);
  expect(spent).toBeLessThanOrEqual(16);
  const sampled = await run({ budgetUsd: 25 * PRICE_USD });
  expect(sampled.second!.models.source).toMatchObject({ wanted: 10, statuses: { ok: 10 } });
  expect(bodies()).toHaveLength(20);
  const costs = Object.values(sampled).map(({ models }) => models.source!.costUsd);
  expect(costs[0]! + costs[1]!).toBeCloseTo(20 * PRICE_USD, 9);
  await store.close();
});

it("more failures than are allowed end it; fewer are counted", async () => {
  const { store, run } = await world("failures.db", [3]);
  await expect(run({})).rejects.toMatchObject({
    code: "UPSTREAM_FAILED",
    details: { domain: "first", wanted: 10, got: 9 },
  });
  const { first, second } = await run({ failuresAllowed: 0.1 });
  expect(first!.models.source!.statuses).toEqual({ ok: 9, error: 1 });
  expect(second!.models.source!.statuses).toEqual({ ok: 10 });
  const again = await run({ failuresAllowed: 0.1 });
  expect(again).toEqual({ first, second });
  await store.close();
});
