/** `sample` over both databases, against a provider that answers, refuses, cuts off and fails. */
import { describe, expect, it, onTestFinished } from "vitest";
import { type JudgedStore, openStore } from "../../src/judged/index.ts";
import {
  createOpenAiCompatibleUpstream,
  createResilientUpstream,
  DEFAULT_RETRIES,
  type PoolModel,
  type SamplingOptions,
  sample,
} from "../../src/pool/index.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { collect, promptRow } from "../support/store-rows.ts";
import { describeStores, type StorePlace } from "../support/stores.ts";
import { type Answer, completion, sendJson, startProvider } from "./provider-server.ts";

const PRICING = { inputCostUsdPerMillionTokens: 10, outputCostUsdPerMillionTokens: 100 };

function modelAt(origin: string, name = "m", fields: Partial<PoolModel> = {}): PoolModel {
  const inner = createOpenAiCompatibleUpstream({
    name,
    baseUrl: `${origin}/v1`,
    upstreamModel: name,
    timeoutMs: 2_000,
  });
  const retries = { ...DEFAULT_RETRIES, firstWaitMs: 1, maxAttempts: 3 };
  const upstream = createResilientUpstream(inner, { name, limits: {}, retries });
  return { name, provider: "openai-compatible", pricing: PRICING, endpoint: origin, upstream, ...fields };
}

async function filled(place: StorePlace, count: number): Promise<JudgedStore> {
  const store = await place.open();
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
  ...fields,
});

const answerAll: Answer = (_request, response) => sendJson(response, 200, completion("OK"));

const lastWords = (body: Readonly<Record<string, unknown>>): string =>
  (body.messages as { content: string }[]).at(-1)!.content;

describeStores((place) => {
  it("limits a minute hold for all processes on the store together", async () => {
    const store = await filled(place, 50);
    const provider = await startProvider(answerAll);
    const limits = { requestsPerMinute: 30, tokensPerMinute: 100_000 };
    const stop = new AbortController();
    const watch = setInterval(() => {
      if (provider.requests.length < 30) return;
      clearInterval(watch);
      setTimeout(() => stop.abort(), 500);
    }, 20);
    onTestFinished(() => clearInterval(watch));
    const processes = [store, await place.open(), await place.open()].map((own) =>
      sample(options(own, modelAt(provider.origin, "m", { limits }), { signal: stop.signal })),
    );
    const calls = (await Promise.all(processes)).map(({ models }) => models[0]!.statuses.ok ?? 0);
    expect(provider.requests.length).toBe(30);
    expect(calls.reduce((sum, count) => sum + count)).toBe(30);
    expect((await collect(store.responses())).length).toBe(30);
  });

  it("writes every answer with its lineage", async () => {
    const store = await filled(place, 3);
    const provider = await startProvider(answerAll);
    const model = modelAt(provider.origin, "m", { parameters: { top_p: 0.9 }, revision: "r7" });
    const report = await sample(options(store, model));
    expect(report).toMatchObject({ total: 6, done: 6 });
    expect(report.models[0]).toMatchObject({ end: "done", statuses: { ok: 6 }, completionTokens: 18 });
    const rows = await collect(store.responses());
    expect(rows.length).toBe(6);
    for (const row of rows) {
      expect(row).toMatchObject({
        model: "m",
        modelRevision: "r7",
        template: "provider",
        parameters: { top_p: 0.9, max_tokens: 10 },
        text: "OK",
        status: "ok",
        finishReason: "stop",
        promptTokens: 7,
        completionTokens: 3,
        source: report.models[0]!.job,
      });
      expect(row.costUsd).toBeCloseTo(370e-6, 12);
      expect(row.latencyMs).toBeGreaterThan(0);
    }
    const seeds = provider.requests.map(({ body }) => body.seed as number);
    expect(new Set(seeds).size).toBe(6);
    expect(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31)).toBe(true);
  });

  it("does only what is missing when it runs again, with the same seeds for the same samples", async () => {
    const store = await filled(place, 4);
    const provider = await startProvider(answerAll);
    const model = modelAt(provider.origin);
    await sample(options(store, model));
    expect(provider.requests.length).toBe(8);
    await sample(options(store, model));
    expect(provider.requests.length).toBe(8);
    const [first] = options(store, model).models;
    await sample(options(store, model, { models: [{ ...first!, samples: 3 }] }));
    expect(provider.requests.length).toBe(12);
    // Another parameter is another answer; nothing is overwritten.
    await sample(options(store, model, { models: [{ ...first!, parameters: { max_tokens: 11 } }] }));
    expect((await collect(store.responses())).length).toBe(20);
  });

  it("keeps refusals, cut, filtered and empty answers, each with its status", async () => {
    const store = await filled(place, 6);
    const kinds = [
      completion("fine"),
      completion("to be contin", "length"),
      completion("", "content_filter"),
      completion(" "),
      {
        ...completion(""),
        choices: [{ index: 0, message: { content: null, refusal: "No." }, finish_reason: "stop" }],
      },
    ];
    const provider = await startProvider(({ body }, response) => {
      const number = Number(/\d+/.exec(lastWords(body))![0]);
      if (number === 5) return sendJson(response, 400, { error: { message: "too long" } });
      sendJson(response, 200, kinds[number]);
    });
    const report = await sample(options(store, modelAt(provider.origin)));
    expect(report.models[0]!.statuses).toEqual({
      ok: 2,
      truncated: 2,
      filtered: 2,
      empty: 2,
      refusal: 2,
      error: 2,
    });
    const failed = await collect(store.responses({ statuses: ["error"] }));
    expect(failed.map(({ error }) => error)).toEqual(
      Array(2).fill({ code: "UPSTREAM_REJECTED", message: expect.stringContaining("too long") }),
    );
    const [refused] = await collect(store.responses({ statuses: ["refusal"] }));
    expect(refused!.text).toBe("No.");
  });

  it("tries failed answers again in a later run, and replaces them", async () => {
    const store = await filled(place, 2);
    let isBroken = true;
    const provider = await startProvider((request, response, index) =>
      isBroken ? sendJson(response, 500, {}) : answerAll(request, response, index),
    );
    const model = modelAt(provider.origin);
    const first = await sample(options(store, model));
    expect(first).toMatchObject({ total: 4, done: 0 });
    expect(first.models[0]).toMatchObject({ statuses: { error: 4 }, failures: { UPSTREAM_FAILED: 12 } });
    isBroken = false;
    expect(await sample(options(store, model))).toMatchObject({ total: 4, done: 4 });
    expect((await collect(store.responses())).map(({ status }) => status)).toEqual(Array(4).fill("ok"));
  });

  it("ends a job that is hopeless at once and leaves its items open, while others go on", async () => {
    const store = await filled(place, 20);
    const refusing = await startProvider((_request, response) => sendJson(response, 401, {}));
    const working = await startProvider(answerAll);
    const report = await sample({
      ...options(store, modelAt(refusing.origin, "refusing")),
      models: [modelAt(refusing.origin, "refusing"), modelAt(working.origin, "working")].map((model) => ({
        model,
        samples: 1,
        parameters: {},
      })),
    });
    const [bad, good] = report.models;
    expect(TuttiError.is(bad!.end) && bad!.end.details.upstreamStatus).toBe(401);
    expect(refusing.requests.length).toBeLessThanOrEqual(4);
    expect(await store.work.progress(bad!.job)).toEqual({ open: 20, leased: 0, done: 0, failed: 0 });
    expect(good).toMatchObject({ end: "done", statuses: { ok: 20 } });
  });

  it("stops within its budget, and goes on when it is raised", async () => {
    const store = await filled(place, 30);
    const provider = await startProvider(answerAll);
    const model = modelAt(provider.origin);
    // An answer costs 370 millionths of a dollar and may cost a little more: 10 tokens, and a prompt counted by its bytes.
    const report = await sample(options(store, model, { budget: { usd: 0.01 } }));
    expect(report.models[0]!.end).toBe("budget");
    expect(report.spent.usd).toBeLessThanOrEqual(0.01);
    expect(report.spent.usd).toBeGreaterThan(0.01 - 2 * 1100e-6);
    expect(provider.requests.length).toBe(report.done);
    const again = await sample(options(store, model, { budget: { usd: 0.01 } }));
    expect(again.done).toBe(report.done);
    const raised = await sample(options(store, model, { budget: { tokens: 100_000 } }));
    expect(raised).toMatchObject({ done: 60, total: 60 });
  });

  it("keeps the answers under way when it is interrupted", async () => {
    const store = await filled(place, 30);
    const controller = new AbortController();
    const provider = await startProvider((request, response, index) => {
      if (index === 5) controller.abort();
      setTimeout(() => answerAll(request, response, index), 20);
    });
    const model = modelAt(provider.origin);
    const report = await sample(options(store, model, { signal: controller.signal }));
    expect(report.models[0]!.end).toBe("interrupted");
    expect((await collect(store.responses())).length).toBe(provider.requests.length);
    expect(await store.work.progress(report.models[0]!.job)).toMatchObject({ leased: 0 });
    expect(await sample(options(store, model))).toMatchObject({ done: 60 });
    expect(provider.requests.length).toBe(60);
  });

  it("two at once on one store share the work", async () => {
    const store = await filled(place, 40);
    const other = await place.open();
    const provider = await startProvider((request, response, index) => {
      setTimeout(() => answerAll(request, response, index), 10);
    });
    const reports = await Promise.all(
      [store, other].map((one) => sample(options(one, modelAt(provider.origin), { maxConcurrency: 8 }))),
    );
    expect(reports.map(({ done }) => done)).toEqual([80, 80]);
    expect(provider.requests.length).toBe(80);
    const shares = reports.map(({ models }) => models[0]!.statuses.ok ?? 0);
    expect(shares[0]! + shares[1]!).toBe(80);
    expect(Math.min(...shares)).toBeGreaterThan(0);
  });

  it("sends less to a provider that has too much, and still gets everything", async () => {
    const store = await filled(place, 100);
    let [open, most] = [0, 0];
    const provider = await startProvider((request, response, index) => {
      if (open >= 6) return sendJson(response, 429, { error: { message: "slow down" } });
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        void answerAll(request, response, index);
      }, 10);
    });
    const model = modelAt(provider.origin);
    const report = await sample(options(store, model, { maxConcurrency: 64 }));
    expect(report.models[0]!.statuses.ok! + (report.models[0]!.statuses.error ?? 0)).toBe(200);
    expect(most).toBe(6);
    expect(report.models[0]!.failures.UPSTREAM_RATE_LIMITED! / provider.requests.length).toBeLessThan(0.3);
    while ((await sample(options(store, model))).done < 200);
    expect((await collect(store.responses({ statuses: ["ok"] }))).length).toBe(200);
  });
});

describe("progress", () => {
  it("tells of everything that is settled, spent and failed", async () => {
    const store = await openStore("sqlite::memory:");
    await store.putPrompts([promptRow(1)]);
    const provider = await startProvider((request, response, index) => {
      if (index === 0) return sendJson(response, 503, {});
      setTimeout(() => answerAll(request, response, index), 1_200);
    });
    const seen: unknown[] = [];
    await sample(options(store, modelAt(provider.origin), { onProgress: (progress) => seen.push(progress) }));
    await store.close();
    expect(seen).toContainEqual({
      total: 2,
      done: 0,
      spent: { usd: 0, tokens: 0 },
      failures: { UPSTREAM_FAILED: 1 },
      underWay: 2,
    });
  });
});
