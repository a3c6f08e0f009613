/** `sample` in batches, over the wire of both providers: nothing is lost and nothing is paid twice, whatever becomes of a batch. */
import { describe, expect, it } from "vitest";
import { type JudgedStore, openStore } from "../../src/judged/index.ts";
import {
  createAnthropicUpstream,
  createOpenAiCompatibleUpstream,
  type PoolModel,
  type SamplingOptions,
  type SamplingProgress,
  sample,
} from "../../src/pool/index.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { type BatchServer, type Kind, startBatchServer } from "../support/batch-server.ts";
import { collect, promptRow } from "../support/store-rows.ts";
import { startProvider } from "./provider-server.ts";

const PRICING = { inputCostUsdPerMillionTokens: 10, outputCostUsdPerMillionTokens: 100 };
/** 7 tokens read and 3 written, at half the price. */
const ANSWER_USD = 370e-6 / 2;

function modelAt(origin: string, kind: Kind): PoolModel {
  const common = { name: "m", upstreamModel: "big", apiKey: "key-7", timeoutMs: 5_000 };
  const upstream =
    kind === "openai"
      ? createOpenAiCompatibleUpstream({ ...common, baseUrl: `${origin}/v1` })
      : createAnthropicUpstream({ ...common, baseUrl: origin });
  return { name: "m", provider: kind, pricing: PRICING, endpoint: origin, upstream };
}

async function filled(count: number): Promise<JudgedStore> {
  const store = await openStore("sqlite::memory:");
  await store.putPrompts(Array.from({ length: count }, (_, number) => promptRow(number)));
  return store;
}

const options = (
  store: JudgedStore,
  model: PoolModel,
  fields: Partial<SamplingOptions> = {},
): SamplingOptions => ({
  store,
  models: [{ model, samples: 2, parameters: { max_tokens: 10 } }],
  prompts: {},
  seed: 0,
  batch: { pollMs: 5, graceMs: 30 },
  ...fields,
});

const onceEach = (server: BatchServer, count: number): void => {
  expect(server.paid.size).toBe(count);
  expect([...server.paid.values()].every((times) => times === 1)).toBe(true);
};

const words = (text: string): number => Number(/\d+/.exec(text)![0]);

describe.each(["openai", "anthropic"] as const)("%s", (kind) => {
  it("answers come with the rows' keys as ids, their lineage, and at half the price", async () => {
    const store = await filled(5);
    const server = await startBatchServer({ kind, looks: 2 });
    const seen: SamplingProgress[] = [];
    const model = modelAt(server.origin, kind);
    const report = await sample(options(store, model, { onProgress: (progress) => seen.push(progress) }));
    expect(report).toMatchObject({ total: 10, done: 10, models: [{ end: "done", statuses: { ok: 10 } }] });
    expect(report.spent.usd).toBeCloseTo(10 * ANSWER_USD, 12);
    const rows = await collect(store.responses());
    expect(rows.length).toBe(10);
    for (const row of rows) {
      expect(row).toMatchObject({
        parameters: { max_tokens: 10 },
        status: "ok",
        promptTokens: 7,
        completionTokens: 3,
      });
      expect(row.costUsd).toBeCloseTo(ANSWER_USD, 12);
    }
    const keys = rows.map(({ key }) => key).sort();
    expect(server.batches.length).toBe(1);
    expect(server.batches[0]!.entries.map(({ id }) => id).sort()).toEqual(keys);
    expect(server.batches[0]!.entries[0]!.body).toMatchObject({ model: "big", max_tokens: 10 });
    const key = kind === "openai" ? { authorization: "Bearer key-7" } : { "x-api-key": "key-7" };
    for (const headers of server.headers) expect(headers).toMatchObject(key);
    onceEach(server, 10);
    expect(seen.some(({ batches }) => batches?.batches === 1 && batches.total === 10)).toBe(true);
    // The samples are the same that single calls would have made: there is nothing left for those.
    const { batch: _, ...plain } = options(store, model);
    expect(await sample(plain)).toMatchObject({ done: 10 });
  });

  it("requests that fail: those found wrong for good, those expired or broken asked again", async () => {
    const store = await filled(6);
    const server = await startBatchServer({
      kind,
      fate: ({ text }, batch) => {
        if (words(text) === 1) return "invalid";
        if (batch > 0) return "answer";
        return words(text) === 2 ? "expired" : words(text) === 3 ? "server_error" : "answer";
      },
    });
    const report = await sample(options(store, modelAt(server.origin, kind)));
    expect(report).toMatchObject({
      total: 12,
      done: 10,
      models: [{ end: "done", statuses: { ok: 10, error: 2 } }],
    });
    expect(server.batches.map(({ entries }) => entries.length)).toEqual([12, 4]);
    onceEach(server, 10);
    const [wrong] = await collect(store.responses({ statuses: ["error"] }));
    expect(wrong!.error).toEqual({
      code: "UPSTREAM_REJECTED",
      message: expect.stringContaining("the prompt is too long"),
    });
    expect((await store.work.spent(await store.work.jobs())).usd).toBeCloseTo(10 * ANSWER_USD, 12);
  });

  it("a batch of which nothing comes ends the job, and its items stay open", async () => {
    const store = await filled(3);
    const server = await startBatchServer({ kind, fate: () => "expired" });
    const report = await sample(options(store, modelAt(server.origin, kind)));
    const [{ end, job }] = report.models as [(typeof report.models)[number]];
    expect(TuttiError.is(end) && end.message).toContain("brought no answer");
    expect(server.batches.length).toBe(1);
    expect(await store.work.progress(job)).toEqual({ open: 6, leased: 0, done: 0, failed: 0 });
  });

  it("a batch whose answer was lost on the way is found and not paid again", async () => {
    const store = await filled(4);
    const server = await startBatchServer({
      kind,
      looks: 3,
      making: (attempt) => (attempt === 1 ? "taken-silently" : "taken"),
    });
    const batch = { pollMs: 5, graceMs: 30, mostRequests: 3 };
    const report = await sample(options(store, modelAt(server.origin, kind), { batch }));
    expect(report).toMatchObject({ done: 8, models: [{ end: "done", failures: { UPSTREAM_FAILED: 1 } }] });
    expect(server.batches.length).toBe(3);
    onceEach(server, 8);
  });

  it("a batch that never arrived is sent again", async () => {
    const store = await filled(2);
    const server = await startBatchServer({ kind, making: (attempt) => (attempt === 0 ? "lost" : "taken") });
    expect(await sample(options(store, modelAt(server.origin, kind)))).toMatchObject({ done: 4 });
    expect(server.batches.length).toBe(1);
    onceEach(server, 4);
  });

  it("a batch that the provider refuses ends the job", async () => {
    const store = await filled(2);
    const server = await startBatchServer({ kind, making: () => "refused" });
    const report = await sample(options(store, modelAt(server.origin, kind)));
    const [{ end, job }] = report.models as [(typeof report.models)[number]];
    expect(TuttiError.is(end) && end).toMatchObject({
      code: "UPSTREAM_REJECTED",
      message: expect.stringContaining("not allowed"),
    });
    expect(await store.work.progress(job)).toMatchObject({ open: 4, leased: 0 });
    expect(await store.batches.open(job)).toEqual({ batches: 0, requests: 0 });
  });

  it("an interrupted run leaves its batches to the provider, and the next one fetches them", async () => {
    const store = await filled(3);
    const server = await startBatchServer({ kind, looks: 4 });
    const model = modelAt(server.origin, kind);
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = ({ batches }: SamplingProgress) => batches!.total > 0 && controller.abort();
    const first = await sample(
      options(store, model, { signal, onProgress, batch: { pollMs: 60_000 }, leaseMs: 3_600_000 }),
    );
    expect(first.models[0]!.end).toBe("interrupted");
    // Nobody else may ask for what is in the batch.
    const { batch: _, ...plain } = options(store, model);
    await expect(sample(plain)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("6 requests are under way in 1 batches"),
    });
    expect(await sample(options(store, model))).toMatchObject({ done: 6 });
    expect(server.batches.length).toBe(1);
    onceEach(server, 6);
  });

  it("cancelling keeps what is answered and opens the rest", async () => {
    const store = await filled(4);
    const server = await startBatchServer({ kind, looks: 1_000 });
    const model = modelAt(server.origin, kind);
    const controller = new AbortController();
    const onProgress = ({ batches }: SamplingProgress) => batches!.total > 0 && controller.abort();
    await sample(options(store, model, { signal: controller.signal, onProgress }));
    const batch = { pollMs: 5, isCancelling: true };
    const report = await sample(options(store, model, { batch }));
    expect(report).toMatchObject({ total: 8, done: 4, models: [{ end: "cancelled", statuses: { ok: 4 } }] });
    expect(server.cancelled.length).toBe(1);
    expect(await store.work.progress(report.models[0]!.job)).toMatchObject({ open: 4, leased: 0, done: 4 });
    onceEach(server, 4);
  });

  it("a budget limits what is put into batches", async () => {
    const store = await filled(10);
    const server = await startBatchServer({ kind });
    const model = modelAt(server.origin, kind);
    const report = await sample(options(store, model, { budget: { usd: 8 * ANSWER_USD } }));
    expect(report.models[0]!.end).toBe("budget");
    expect(report.spent.usd).toBeLessThanOrEqual(8 * ANSWER_USD);
    expect(report.done).toBe(server.paid.size);
    expect(report.done).toBeGreaterThan(0);
    const raised = await sample(options(store, model, { budget: { usd: 1 } }));
    expect(raised).toMatchObject({ done: 20, total: 20 });
    onceEach(server, 20);
  });
});

it("the provider's word on a file that it cannot read ends the job", async () => {
  const store = await filled(2);
  const server = await startBatchServer({ kind: "openai", making: () => "failed" });
  const report = await sample(options(store, modelAt(server.origin, "openai")));
  const [{ end, job }] = report.models as [(typeof report.models)[number]];
  expect(TuttiError.is(end) && end.message).toContain("line 3 of the requests: this line is not valid");
  expect(await store.work.progress(job)).toMatchObject({ open: 4, leased: 0 });
});

it("a model without batches is refused before anything is asked", async () => {
  const store = await filled(1);
  const provider = await startProvider(() => undefined);
  const { upstream, ...model } = modelAt(provider.origin, "openai");
  const { batch: _, ...without } = upstream;
  await expect(sample(options(store, { ...model, upstream: without }))).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining('model "m": its provider has no batches'),
  });
  expect(provider.requests).toEqual([]);
});
