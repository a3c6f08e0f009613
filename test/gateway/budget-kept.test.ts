/** What a request cannot do under a budget: choose for itself, loosen what the gateway sets, or spend more than is left. */
import { expect, test } from "vitest";
import { BudgetLedger } from "../../src/gateway/index.ts";
import { createOpenAiCompatibleUpstream, createPool } from "../../src/pool/index.ts";
import type { BatchingOptions } from "../../src/routing/batching-router.ts";
import { CalibratedRouter } from "../../src/routing/calibration/index.ts";
import type { Policy } from "../../src/routing/policy/index.ts";
import {
  lengthRouter,
  replayPool,
  SHORT_PROMPT,
  startGateway,
  startRawUpstream,
  until,
  withResolvers,
} from "./support.ts";

const curves = [1, -1].map((intercept) => ({ kind: "logistic" as const, slope: 0, intercept }));
// Expects 0.73 of large and 0.27 of small, whatever the prompt; large costs $0.0026, small $0.0001.
const router = new CalibratedRouter(lengthRouter, { weights: { score: 1, easiness: 0 }, curves });
const terms = { usd: 0.01, periodSeconds: 3600, requestsPerPeriod: 10 };

async function gatewayWith(
  leftUsd: number,
  more: Partial<Policy> = {},
  pool = replayPool(),
  batching: BatchingOptions = {},
) {
  const budget = new BudgetLedger(terms);
  if (leftUsd < terms.usd) budget.charge(terms.usd - leftUsd);
  const policy: Policy = { choose: "budget", budget: terms, ...more };
  const { url, log } = await startGateway({ router, policy, budget, pool, batching });
  const ask = async (override?: object, fields: object = {}) => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "tutti/auto",
        messages: [{ role: "user", content: SHORT_PROMPT }],
        ...(override !== undefined && { tutti: { policy: override } }),
        ...fields,
      }),
    });
    const { error } = (await response.json()) as { error?: { code: string; param: string | null } };
    const id = response.headers.get("x-tutti-decision-id");
    const decision = id === null ? undefined : await (await fetch(`${url}/v1/decisions/${id}`)).json();
    return {
      status: response.status,
      code: error?.code,
      param: error?.param,
      model: response.headers.get("x-tutti-model"),
      decision: decision as
        | { policy: Policy; reason: string; scores: { estimated_cost_usd: number }[] }
        | undefined,
    };
  };
  return { ask, budget, log, url };
}

test("a request neither chooses nor abstains in the budget's place", async () => {
  const { ask } = await gatewayWith(0.001);
  for (const [field, value] of Object.entries({
    choose: "best-quality",
    qualityPerUsd: 1,
    abstain: { model: "large", qualityBelow: 1 },
  })) {
    expect(await ask({ [field]: value })).toMatchObject({
      status: 400,
      code: "invalid_policy",
      param: `tutti.policy.${field}`,
    });
  }
});

test("the stricter of two bars counts, and strict stays strict", async () => {
  const { ask } = await gatewayWith(terms.usd, { strict: true, qualityBar: 0.2, latencyBarMs: 500 });
  const loosened = await ask({ strict: false, qualityBar: 0, latencyBarMs: 1e9 });
  expect(loosened.decision?.policy).toMatchObject({ strict: true, qualityBar: 0.2, latencyBarMs: 500 });
  const tightened = await ask({ qualityBar: 0.3, latencyBarMs: 100 });
  expect(tightened.decision?.policy).toMatchObject({ strict: true, qualityBar: 0.3, latencyBarMs: 100 });
  const open = await gatewayWith(terms.usd);
  expect((await open.ask({ strict: true, qualityBar: 0.5 })).decision?.policy).toMatchObject({
    strict: true,
    qualityBar: 0.5,
  });
});

test("an overspent budget is no way to the dear model", async () => {
  const strict = await gatewayWith(-1, { strict: true, latencyBarMs: 500 });
  expect(await strict.ask({ qualityBar: 0.5, strict: false, latencyBarMs: 1e9 })).toMatchObject({
    status: 429,
    code: "budget_exhausted",
  });
  const open = await gatewayWith(-1);
  expect(await open.ask()).toMatchObject({ status: 200, model: "small" });
  expect(await open.ask({ qualityBar: 0.5 })).toMatchObject({ status: 200, model: "small" });
  for (const lists of [{ allow: ["large"] }, { deny: ["small"] }]) {
    expect(await open.ask(lists)).toMatchObject({ status: 429, code: "budget_exhausted" });
  }
  // The gateway's own lists do not turn an answer into an error.
  const large = await gatewayWith(-1, { deny: ["small"] });
  expect(await large.ask()).toMatchObject({ status: 200, model: "large" });
  expect(await large.ask({ qualityBar: 0.5 })).toMatchObject({ status: 200, model: "large" });
});

test("without a budget a request may still replace the gateway's policy", async () => {
  const { url } = await startGateway({
    router,
    policy: { choose: "cheapest", strict: true, qualityBar: 0.5 },
  });
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tutti-policy": '{"qualityBar":0.1,"strict":false}' },
    body: JSON.stringify({ model: "tutti/auto", messages: [{ role: "user", content: SHORT_PROMPT }] }),
  });
  expect(response.headers.get("x-tutti-model")).toBe("small");
});

/** Two models behind a provider that answers when it is told to. */
async function slowPool() {
  const { promise: released, resolve: release } = withResolvers();
  const { baseUrl, requests } = await startRawUpstream(async (response, body) => {
    await released;
    const message = { role: "assistant", content: "Four." };
    const usage = { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        ...{ id: "1", object: "chat.completion", created: 1, model: body.model },
        choices: [{ index: 0, message, finish_reason: "stop" }],
        usage,
      }),
    );
  });
  const pool = createPool(
    replayPool().models.map((model) => ({
      ...model,
      upstream: createOpenAiCompatibleUpstream({
        name: model.name,
        baseUrl,
        upstreamModel: model.name,
        timeoutMs: 60_000,
      }),
    })),
  );
  return { pool, requests, release };
}

test("requests at once share what is left: none decides over money that another has taken", {
  timeout: 60_000,
}, async () => {
  const { pool, requests, release } = await slowPool();
  // Enough for three answers of large, as expected; the router answers many requests in one run.
  const { ask, budget } = await gatewayWith(0.008, { strict: true, allow: ["large"] }, pool, {
    maxQueries: 20,
    maxWaitMs: 900,
  });
  let refused = 0;
  const answers = Promise.all(
    Array.from({ length: 20 }, async () => {
      const answer = await ask();
      if (answer.code === "budget_exhausted") refused++;
      return answer;
    }),
  );
  await until(() => refused + requests.length === 20, 30_000);
  expect(budget.state.spentUsd).toBeLessThanOrEqual(terms.usd);
  release();
  expect((await answers).filter(({ status }) => status === 200)).toHaveLength(3);
  expect(refused).toBe(17);
});

test("several choices are several answers, and of two limits the larger counts", async () => {
  const { pool, release } = await slowPool();
  release();
  const { ask } = await gatewayWith(terms.usd, {}, pool);
  const costOfLarge = async (fields: object): Promise<number> =>
    (await ask(undefined, fields)).decision!.scores[0]!.estimated_cost_usd;
  expect(await costOfLarge({})).toBeCloseTo((4 * 3 + 256 * 10) / 1e6, 12);
  expect(await costOfLarge({ n: 100 })).toBeCloseTo((4 * 3 + 100 * 256 * 10) / 1e6, 12);
  expect(await costOfLarge({ max_completion_tokens: 1, max_tokens: 200 })).toBeCloseTo(
    (4 * 3 + 200 * 10) / 1e6,
    12,
  );
  expect((await ask(undefined, { n: 100 })).decision!.reason).toContain(
    "large is left out: its expected cost of $0.256 is above",
  );
});

test("an answer that the client does not wait for stays charged", async () => {
  const { pool, requests } = await slowPool();
  const { url, budget, log } = await gatewayWith(terms.usd, {}, pool);
  const stop = new AbortController();
  const asked = fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tutti/auto", messages: [{ role: "user", content: SHORT_PROMPT }] }),
    signal: stop.signal,
  });
  await until(() => requests.length === 1, 20_000);
  const charged = budget.state.spentUsd;
  expect(charged).toBeCloseTo((4 * 3 + 256 * 10) / 1e6, 12);
  stop.abort();
  await expect(asked).rejects.toThrow();
  await until(() => log.some(({ event }) => event === "request"), 20_000);
  expect(budget.state.spentUsd).toBeCloseTo(charged, 12);
});
