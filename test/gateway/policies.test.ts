/** Policies through the gateway: from its configuration, from requests, and under a budget. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { BudgetLedger, createGateway } from "../../src/gateway/index.ts";
import { CalibratedRouter } from "../../src/routing/calibration/index.ts";
import { lengthRouter, replayPool, SHORT_PROMPT, startGateway } from "./support.ts";

const curves = [-1, 1].map((intercept) => ({ kind: "logistic" as const, slope: 2, intercept }));
const router = new CalibratedRouter(lengthRouter, { weights: { score: 1, easiness: 0 }, curves });
const body = { model: "tutti/auto", messages: [{ role: "user" as const, content: SHORT_PROMPT }] };

async function ask(url: string, more: object = {}, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ ...body, ...more }),
  });
  const id = response.headers.get("x-tutti-decision-id");
  const decision = id === null ? {} : await (await fetch(`${url}/v1/decisions/${id}`)).json();
  return { status: response.status, answer: (await response.json()) as object, decision };
}

test("the request narrows the policy of the gateway, in body or header, and is told what is wrong", async () => {
  const { url } = await startGateway({ router, policy: { choose: "best-quality" } });
  expect((await ask(url)).decision).toMatchObject({ model: "small", policy: { choose: "best-quality" } });
  const denied = await ask(url, { tutti: { policy: { deny: ["small"] } } });
  expect(denied.decision).toMatchObject({
    model: "large",
    reason: expect.stringContaining("small is left out: it is on the deny list"),
    scores: [{ excluded: null, quality: expect.any(Number) }, { excluded: "it is on the deny list" }],
  });
  const cheapest = await ask(url, {}, { "x-tutti-policy": '{"choose":"cheapest"}' });
  expect(cheapest.decision).toMatchObject({ policy: { choose: "cheapest" } });
  for (const policy of [{ choos: 1 }, { qualityBar: 80 }, { deny: ["smal"] }, { budget: { usd: 1 } }]) {
    const wrong = await ask(url, { tutti: { policy } });
    expect(wrong).toMatchObject({
      status: 400,
      answer: { error: { param: expect.stringMatching(/^tutti\.policy\./) } },
    });
  }
});

test("a budget is charged, settled and written to its file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-budget-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "budget.json");
  const terms = { usd: 1, periodSeconds: 3600, requestsPerPeriod: 100 };
  const policy = { choose: "budget" as const, budget: terms };
  const budget = new BudgetLedger(terms, { path });
  const { url } = await startGateway({ router, policy, budget });
  const { decision } = await ask(url);
  const real = (decision as { outcome: { cost_usd: number } }).outcome.cost_usd;
  expect(budget.state).toMatchObject({ requests: 1, spentUsd: expect.closeTo(real, 12) });
  budget.flush();
  expect(existsSync(path)).toBe(true);
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ format: "tutti-budget-1", requests: 1 });
  expect(new BudgetLedger(terms, { path }).state.spentUsd).toBeCloseTo(real, 12);
  const left = await ask(url, { tutti: { policy: { choose: "best-quality" } } });
  expect(left.status).toBe(400);
});

test("a policy that does not fit is refused at the start", () => {
  expect(() =>
    createGateway({ pool: replayPool(), router: lengthRouter, policy: { choose: "best-quality" } }),
  ).toThrow(expect.objectContaining({ code: "POLICY_INVALID" }));
});
