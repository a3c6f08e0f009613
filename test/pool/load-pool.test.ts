/** From a pool file to working models: secrets, listed prices, defaults, local models, and what `tutti pool check` says. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LoadPoolOptions, loadPool } from "../../src/gateway/load-pool.ts";
import { checkModel } from "../../src/pool/index.ts";
import { completion, neverAborted, sendJson, startProvider, USER_MESSAGE } from "./provider-server.ts";

const KEY = "sk-very-secret-1";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-load-"));
  writeFileSync(join(folder, "key"), `${KEY}\n`);
  writeFileSync(join(folder, "empty"), "\n");
  writeFileSync(join(folder, "strange"), `${KEY}\u00e9`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const pricing = { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 };

function load(models: readonly Record<string, unknown>[], options: LoadPoolOptions = {}) {
  const path = join(folder, "pool.yaml");
  writeFileSync(path, JSON.stringify({ models }));
  return loadPool(path, { environment: {}, ...options });
}

const answering = () =>
  startProvider(({ body }, response) => {
    if ("logprobs" in body) return sendJson(response, 400, { error: { message: "unknown field logprobs" } });
    if (body.stream !== true) return sendJson(response, 200, completion("ready"));
    const choice = { index: 0, delta: { content: "ready" }, finish_reason: "stop" };
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .end(`data: ${JSON.stringify({ choices: [choice] })}\n\ndata: [DONE]\n\n`);
  });

describe("secrets", () => {
  it("come from a file beside the pool file", async () => {
    const provider = await answering();
    const pool = await load([
      { name: "m", provider: "openai-compatible", baseUrl: provider.origin, apiKeyFile: "key", pricing },
    ]);
    await pool.models[0]!.upstream.chat(
      { messages: USER_MESSAGE, parameters: {} },
      { signal: neverAborted() },
    );
    expect(provider.requests[0]!.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it.each([
    ["is missing", "nowhere", /key file .*nowhere could not be read/],
    ["is empty", "empty", /key file .*empty is empty/],
    ["holds other characters", "strange", /holds characters that an API key cannot have/],
  ])("whose file %s are told by its name alone", async (_name, apiKeyFile, message) => {
    const failure = await load([{ name: "m", provider: "anthropic", apiKeyFile, pricing }]).catch((e) => e);
    expect(failure).toMatchObject({ code: "SECRET_MISSING", message: expect.stringMatching(message) });
    expect(JSON.stringify(failure) + failure.stack).not.toContain(KEY);
  });

  it("are not needed of models that are not asked for", async () => {
    const models = [
      { name: "a", provider: "anthropic", apiKeyEnv: "UNSET_KEY", pricing },
      { name: "b", provider: "openai-compatible", baseUrl: "http://127.0.0.1:1/v1", pricing },
    ];
    expect((await load(models, { models: ["b"] })).models.map(({ name }) => name)).toEqual(["b"]);
    await expect(load(models)).rejects.toMatchObject({ code: "SECRET_MISSING" });
    await expect(load(models, { models: ["c"] })).rejects.toMatchObject({ code: "UNKNOWN_CANDIDATE" });
  });
});

describe("prices and windows", () => {
  it("are the listed ones where the file gives none", async () => {
    const pool = await load([
      {
        name: "small",
        upstreamModel: "gpt-4o-mini",
        provider: "openai-compatible",
        baseUrl: "https://api.openai.com/v1",
      },
      { name: "claude-3-haiku-20240307", provider: "anthropic", contextWindowTokens: 1000 },
      { name: "home", provider: "local", path: "model" },
    ]);
    expect(pool.models.map(({ pricing: { outputCostUsdPerMillionTokens: usd } }) => usd)).toEqual([
      0.6, 1.25, 0,
    ]);
    expect(pool.models.map(({ contextWindowTokens }) => contextWindowTokens)).toEqual([
      128_000,
      1000,
      undefined,
    ]);
  });

  it("are asked for where nobody lists them", async () => {
    const unlisted = { name: "x", provider: "openai-compatible", baseUrl: "http://127.0.0.1:8000/v1" };
    await expect(load([unlisted])).rejects.toMatchObject({
      code: "POOL_INVALID",
      details: { field: "models[0].pricing" },
    });
  });
});

it("parameters of the pool file stand where a request sets none", async () => {
  const provider = await answering();
  const pool = await load([
    {
      name: "m",
      provider: "openai-compatible",
      baseUrl: provider.origin,
      pricing,
      parameters: { temperature: 0.2, max_tokens: 100 },
    },
  ]);
  const ask = (parameters: Record<string, unknown>) =>
    pool.models[0]!.upstream.chat({ messages: USER_MESSAGE, parameters }, { signal: neverAborted() });
  await ask({});
  await ask({ temperature: 1, max_completion_tokens: 5 });
  expect(provider.requests[0]!.body).toMatchObject({ temperature: 0.2, max_tokens: 100 });
  expect(provider.requests[1]!.body).toMatchObject({ temperature: 1, max_completion_tokens: 5 });
  expect(provider.requests[1]!.body.max_tokens).toBeUndefined();
});

describe("a check", () => {
  it("calls once, and says what came", async () => {
    const provider = await answering();
    const pool = await load([
      { name: "m", provider: "openai-compatible", baseUrl: provider.origin, pricing },
    ]);
    const check = await checkModel(pool.models[0]!, { signal: neverAborted() });
    expect(check).toMatchObject({ isWorking: true, answer: "ready", promptTokens: 7, completionTokens: 3 });
    expect(check.costUsd).toBeCloseTo(13e-6, 12);
    expect(check.features).toBeUndefined();
    expect(provider.requests.length).toBe(1);
  });

  it("finds out what the server can do", async () => {
    const provider = await answering();
    const pool = await load([
      { name: "m", provider: "openai-compatible", baseUrl: provider.origin, pricing },
    ]);
    const { features } = await checkModel(pool.models[0]!, { signal: neverAborted(), withFeatures: true });
    expect(features).toEqual({
      streaming: "yes",
      streamedUsage: "no",
      logProbabilities: "no",
      continuationScoring: "no",
    });
  });

  it("reports failures as results", async () => {
    const pool = await load([
      { name: "m", provider: "openai-compatible", baseUrl: "http://127.0.0.1:1/v1", pricing, maxAttempts: 1 },
    ]);
    expect(await checkModel(pool.models[0]!, { signal: neverAborted() })).toMatchObject({
      isWorking: false,
      failure: { code: "UPSTREAM_FAILED", message: expect.stringContaining("could not be reached") },
    });
  });
});
