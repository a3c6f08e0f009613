import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { poolJsonSchema, poolSchema } from "./pool-schema.ts";

const FILE = join(import.meta.dirname, "../../assets/pool.schema.json");
const written = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, unknown>;

test("the schema file for editors is the one that pool files are checked with", () => {
  expect(written, "run: npx tsx tools/write-pool-schema.ts").toEqual(
    JSON.parse(JSON.stringify(poolJsonSchema())),
  );
});

const pricing = { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 };
const remote = { name: "m", provider: "openai-compatible", baseUrl: "http://127.0.0.1/v1", pricing };
const models = (...list: unknown[]) => ({ models: list });

/** Files that both must take, and files that both must refuse. */
const GOOD: readonly [string, unknown][] = [
  ["a server", models(remote)],
  [
    "all that a server can have",
    models({
      ...remote,
      upstreamModel: "x",
      apiKeyEnv: "KEY",
      timeoutMs: 1,
      totalTimeoutMs: 5,
      maxAttempts: 2,
      limits: { concurrency: 1, requestsPerMinute: 2, tokensPerMinute: 3 },
      parameters: { temperature: 0.5, stop: ["a"], nested: { deep: [null, true] } },
      continuationScoring: "prompt_logprobs",
      supportsSeed: false,
      revision: "r",
    }),
  ],
  ["Anthropic", models({ name: "c", provider: "anthropic", apiKeyFile: "key" })],
  ["a local model", models({ name: "l", provider: "local", path: "model", weightBits: 4, maxBatch: 2 })],
  ["recordings", { ...models({ name: "r", provider: "replay", pricing }), replay: { files: ["a.jsonl"] } }],
  ["a policy", { ...models(remote), policy: { choose: "cheapest", qualityBar: 0.5 } }],
];
const BAD: readonly [string, unknown][] = [
  ["nothing", {}],
  ["no model", models()],
  ["an unknown key", models({ ...remote, timeout: 1 })],
  ["an unknown limit", models({ ...remote, limits: { perMinute: 1 } })],
  ["another provider's key", models({ name: "l", provider: "local", path: "m", apiKeyEnv: "KEY" })],
  ["no path", models({ name: "l", provider: "local" })],
  ["three bits", models({ name: "l", provider: "local", path: "m", weightBits: 3 })],
  ["a negative price", models({ ...remote, pricing: { ...pricing, inputCostUsdPerMillionTokens: -1 } })],
  ["half a token", models({ ...remote, limits: { tokensPerMinute: 1.5 } })],
  ["an endless timeout", models({ ...remote, timeoutMs: 300_001 })],
  ["an unknown provider", models({ ...remote, provider: "openai" })],
  ["a share above one", { ...models(remote), policy: { choose: "cheapest", qualityBar: 2 } }],
];

describe("the file read as a schema by itself", () => {
  const fromFile = z.fromJSONSchema(written as never);

  test.each(GOOD)("takes %s, as the pool does", (_name, value) => {
    expect(fromFile.safeParse(value).error).toBeUndefined();
    expect(poolSchema.safeParse(value).error).toBeUndefined();
  });

  test.each(BAD)("refuses %s, as the pool does", (_name, value) => {
    expect(fromFile.safeParse(value).success).toBe(false);
    expect(poolSchema.safeParse(value).success).toBe(false);
  });
});
