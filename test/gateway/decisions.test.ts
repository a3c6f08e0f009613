/** Decisions and the access log: what is kept, and what never is. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createGateway, decide } from "../../src/gateway/index.ts";
import type { toWireDecision } from "../../src/gateway/wire/decision.ts";
import { createPool } from "../../src/pool/index.ts";
import type { Router } from "../../src/routing/router.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { LONG_PROMPT, lengthRouter, replayPool, SHORT_PROMPT, startGateway } from "./support.ts";

type WireDecision = ReturnType<typeof toWireDecision>;

const auto = (content: string) => ({ model: "tutti/auto", messages: [{ role: "user" as const, content }] });

function constantRouter(
  scores: readonly number[],
  candidates: readonly string[] = ["large", "small"],
): Router {
  return {
    name: "constant",
    candidates,
    scores: async (queries) => queries.map(() => Float64Array.from(scores)),
  };
}

describe("GET /v1/decisions/ID", () => {
  it("explains a routed request with scores, reason, estimated and real cost", async () => {
    let nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs++ };
    const { client, url } = await startGateway({ router: lengthRouter, clock });
    const { response } = await client.chat.completions.create(auto(LONG_PROMPT)).withResponse();
    const id = response.headers.get("x-tutti-decision-id");
    const decision = (await (await fetch(`${url}/v1/decisions/${id}`)).json()) as WireDecision;
    const promptTokens = Math.ceil(LONG_PROMPT.length / 4);
    const estimatedCost = (promptTokens * 3 + 256 * 10) / 1e6;
    const unknown = {
      quality: null,
      estimated_completion_tokens: 256,
      estimated_latency_ms: null,
      excluded: null,
    };
    expect(decision).toEqual({
      id,
      object: "tutti.decision",
      time: expect.stringMatching(/^2026-01-02T03:04:05/),
      requested_model: "tutti/auto",
      model: "large",
      routed: true,
      router: "length",
      reason: `router length expects the best answer from large (${LONG_PROMPT.length / 100}), ahead of small (0.5)`,
      policy: null,
      scores: [
        { ...unknown, model: "large", score: LONG_PROMPT.length / 100, estimated_cost_usd: estimatedCost },
        {
          ...unknown,
          model: "small",
          score: 0.5,
          estimated_cost_usd: (promptTokens * 0.1 + 256 * 0.4) / 1e6,
        },
      ],
      prompt_sha256: createHash("sha256").update(LONG_PROMPT).digest("hex"),
      routing_ms: expect.any(Number),
      estimate: { prompt_tokens: promptTokens, completion_tokens: 256, cost_usd: estimatedCost },
      outcome: {
        status: "completed",
        http_status: 200,
        error_code: null,
        prompt_tokens: promptTokens,
        completion_tokens: 15,
        usage_source: "recorded",
        cost_usd: (promptTokens * 3 + 15 * 10) / 1e6,
        latency_ms: expect.any(Number),
      },
    });
    expect(decision.routing_ms).toBeGreaterThan(0);
    expect(decision.outcome.latency_ms).toBeGreaterThan(decision.routing_ms);
  });

  it("explains a named model, and a failed answer", async () => {
    const { client, url } = await startGateway({ router: lengthRouter });
    const failure = await client.chat.completions
      .create({ ...auto("never recorded"), model: "small" })
      .catch((error) => error);
    const id = failure.headers.get("x-tutti-decision-id");
    expect(await (await fetch(`${url}/v1/decisions/${id}`)).json()).toMatchObject({
      requested_model: "small",
      model: "small",
      routed: false,
      router: null,
      reason: "the request named small",
      scores: [],
      outcome: { status: "failed", http_status: 404, error_code: "REPLAY_MISSING", cost_usd: null },
    });
  });

  it("forgets the oldest beyond its bound", async () => {
    const { client, url } = await startGateway({ router: lengthRouter, maxDecisions: 2 });
    const ids = [];
    for (let call = 0; call < 3; call++) {
      const { response } = await client.chat.completions.create(auto(SHORT_PROMPT)).withResponse();
      ids.push(response.headers.get("x-tutti-decision-id"));
    }
    const statuses = await Promise.all(
      ids.map(async (id) => (await fetch(`${url}/v1/decisions/${id}`)).status),
    );
    expect(statuses).toEqual([404, 200, 200]);
  });

  it("keeps every decision of many requests at once apart", async () => {
    const { client, url, log } = await startGateway({ router: lengthRouter });
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const isLong = index % 2 === 0;
        const { response } = await client.chat.completions
          .create({ ...auto(isLong ? LONG_PROMPT : SHORT_PROMPT), stream: index % 3 === 0 })
          .withResponse();
        await response.text().catch(() => "");
        return { id: response.headers.get("x-tutti-decision-id"), expected: isLong ? "large" : "small" };
      }),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(40);
    for (const { id, expected } of answers) {
      expect(await (await fetch(`${url}/v1/decisions/${id}`)).json()).toMatchObject({ model: expected });
    }
    expect(log.filter(({ fields }) => fields.path === "/v1/chat/completions").length).toBe(40);
  });
});

describe("decide", () => {
  it("takes the first of equal candidates and says so", async () => {
    const decision = await decide(constantRouter([0.25, 0.25]), "Hi", replayPool());
    expect(decision.model).toBe("large");
    expect(decision.reason).toBe(
      "router constant scores large and small alike (0.25); the first in its list is taken",
    );
  });

  it("works without a pool, and with one candidate", async () => {
    const decision = await decide(constantRouter([-3], ["only"]), "Hi");
    expect(decision).toMatchObject({
      model: "only",
      reason: "only is the only candidate of router constant",
      scores: [{ model: "only", score: -3, estimatedCostUsd: null }],
      estimate: { promptTokens: 1, completionTokens: 256, costUsd: null },
    });
  });

  it("bounds the assumed answer by the client's limit", async () => {
    const decision = await decide(constantRouter([1, 2]), "Hi", replayPool(), { maxCompletionTokens: 10 });
    expect(decision.estimate).toEqual({
      promptTokens: 1,
      completionTokens: 10,
      costUsd: (0.1 + 10 * 0.4) / 1e6,
    });
  });

  it.each([
    ["too few scores", [1]],
    ["a NaN", [1, Number.NaN]],
  ])("refuses %s", async (_name, scores) => {
    await expect(decide(constantRouter(scores), "Hi")).rejects.toMatchObject({ code: "ROUTER_INVALID" });
  });
});

describe("the start", () => {
  it("refuses a router whose candidates the pool lacks, naming all of them", () => {
    const router = constantRouter([1, 2, 3], ["large", "smal", "huge"]);
    expect(() => createGateway({ pool: replayPool(), router })).toThrow(
      expect.objectContaining({
        code: "UNKNOWN_CANDIDATE",
        message: expect.stringMatching(
          /"smal" \(did you mean "small"\?\), "huge"; the pool has large, small/,
        ),
        details: { missing: ["smal", "huge"], pool: ["large", "small"] },
      }),
    );
  });

  it("refuses a pool of nothing or of twins", () => {
    const [model] = replayPool().models;
    expect(() => createPool([])).toThrow(/no models/);
    expect(() => createPool([model!, model!])).toThrow(/two models are called "large"/);
  });
});

describe("the access log", () => {
  it("has one line per request with what was decided, and nothing that was said", async () => {
    const { client, url, log } = await startGateway({ router: lengthRouter });
    await client.chat.completions.create(auto(SHORT_PROMPT));
    for await (const _chunk of await client.chat.completions.create({ ...auto(LONG_PROMPT), stream: true }));
    await fetch(`${url}/healthz?token=hidden`);
    await client.chat.completions.create(auto("never recorded, secret")).catch(() => {});
    await client.chat.completions.create({ ...auto("x"), temperature: 9 }).catch(() => {});
    expect(log.map(({ level, event, fields }) => [level, event, fields.path, fields.status])).toEqual([
      ["info", "request", "/v1/chat/completions", 200],
      ["info", "request", "/v1/chat/completions", 200],
      ["info", "request", "/healthz", 200],
      ["info", "request", "/v1/chat/completions", 404],
      ["info", "request", "/v1/chat/completions", 400],
    ]);
    expect(log[1]!.fields).toMatchObject({
      requestId: expect.stringMatching(/^req_/),
      method: "POST",
      latencyMs: expect.any(Number),
      requestedModel: "tutti/auto",
      model: "large",
      decisionId: expect.stringMatching(/^dec_/),
      router: "length",
      reason: expect.stringContaining("large"),
      routingMs: expect.any(Number),
      isStream: true,
      completionTokens: 15,
      usageSource: "recorded",
      costUsd: expect.closeTo((Math.ceil(LONG_PROMPT.length / 4) * 3 + 150) / 1e6, 9),
    });
    expect(log[4]!.fields).toMatchObject({ errorCode: "REQUEST_INVALID" });
    expect(JSON.stringify(log)).not.toMatch(/2 \+ 2|primes|finitely|secret|hidden|unused/);
  });

  it("tells internal failures to the log in full, and to the client by request id only", async () => {
    const router: Router = {
      ...lengthRouter,
      scores: () => Promise.reject(new TuttiError("BACKEND_FAILED", "session lost at /private/path")),
    };
    const { client, log } = await startGateway({ router });
    const failure = await client.chat.completions.create(auto("Hi")).catch((error) => error);
    expect(failure).toMatchObject({ status: 500, code: "internal_error", type: "server_error" });
    expect(failure.message).not.toContain("session lost");
    expect(failure.message).toContain(failure.requestID);
    expect(log).toMatchObject([
      { level: "error", event: "internal-error", fields: { message: "session lost at /private/path" } },
      { level: "info", event: "request", fields: { status: 500, errorCode: "BACKEND_FAILED" } },
    ]);
  });

  it("shortens what clients make long, and percent-encodes names in headers", async () => {
    const [model] = replayPool().models;
    const { client, log } = await startGateway({
      pool: createPool([{ ...model!, name: "gro\u00df \u{1f418}" }]),
    });
    const { response } = await client.chat.completions
      .create({ ...auto(SHORT_PROMPT), model: "gro\u00df \u{1f418}" })
      .withResponse();
    expect(decodeURIComponent(response.headers.get("x-tutti-model")!)).toBe("gro\u00df \u{1f418}");
    await client.chat.completions.create({ ...auto("Hi"), model: "m".repeat(5_000) }).catch(() => {});
    expect(String(log[1]!.fields.requestedModel).length).toBe(203);
  });
});
