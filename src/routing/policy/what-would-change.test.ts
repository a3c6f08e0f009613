/** Every change that is named, applied, yields the decision that it names; and nothing nearer does. */
import { expect, test } from "vitest";
import { TuttiError } from "../../support/errors.ts";
import { RandomStream } from "../../tensor/random.ts";
import {
  applyPolicy,
  type Change,
  type Policy,
  type PolicyInput,
  startBudget,
  whatWouldChange,
} from "./index.ts";

const prompt = { promptTokens: 10, hasTools: false, hasImages: false };
const terms = { usd: 0.01, periodSeconds: 60, requestsPerPeriod: 10 };

/** Undefined where a strict policy refuses. */
function chosen(policy: Policy, input: PolicyInput): string | undefined {
  try {
    return applyPolicy(policy, input).model;
  } catch (thrown) {
    if (TuttiError.is(thrown) && thrown.code !== "POLICY_INVALID") return undefined;
    throw thrown;
  }
}

/** Who is chosen when the setting of the change has this value. */
function under(change: Pick<Change, "what" | "model">, at: number, policy: Policy, input: PolicyInput) {
  switch (change.what) {
    case "lambda":
      return policy.choose === "budget"
        ? chosen(policy, { ...input, budget: { ...input.budget!, qualityPerUsd: at } })
        : chosen({ ...policy, choose: "quality-minus-cost", qualityPerUsd: at }, input);
    case "quality-bar":
      return chosen({ ...policy, qualityBar: at }, input);
    case "latency-bar":
      return chosen({ ...policy, latencyBarMs: at }, input);
    case "budget":
      return chosen({ ...policy, budget: { ...policy.budget!, usd: at } }, input);
    case "price":
      return chosen(policy, {
        ...input,
        estimates: input.estimates.map((estimate) =>
          estimate.model === change.model ? { ...estimate, costUsd: estimate.costUsd! * at } : estimate,
        ),
      });
  }
}

/** Where the setting stands today. */
function todayOf({ what }: Change, policy: Policy, input: PolicyInput): number {
  if (what === "lambda") {
    return policy.choose === "budget" ? input.budget!.qualityPerUsd : (policy.qualityPerUsd ?? 0);
  }
  if (what === "quality-bar") return policy.qualityBar ?? 0;
  if (what === "latency-bar") return policy.latencyBarMs ?? 1e5;
  return what === "budget" ? policy.budget!.usd : 1;
}

function randomCase(stream: RandomStream): { policy: Policy; input: PolicyInput } {
  const uniform = () => stream.nextUniform();
  const estimates = Array.from({ length: 2 + Math.floor(uniform() * 5) }, (_, index) => ({
    model: `m${index}`,
    quality: Math.round(uniform() * 20) / 20,
    costUsd: Math.round(1 + uniform() * 50) / 1e4,
    latencyMs: uniform() < 0.2 ? undefined : uniform() * 5000,
  }));
  const standby = { model: "standby", costUsd: uniform() * 0.005, latencyMs: uniform() * 5000 };
  const named = [...estimates, standby][Math.floor(uniform() * (estimates.length + 1))]!.model;
  const choose = (["best-quality", "quality-minus-cost", "cheapest", "budget", "budget"] as const)[
    Math.floor(uniform() * 5)
  ]!;
  const policy: Policy = {
    choose,
    strict: uniform() < 0.3,
    ...(choose === "budget" && { budget: terms }),
    ...(choose === "quality-minus-cost" && { qualityPerUsd: uniform() * 500 }),
    ...(uniform() < 0.4 && { qualityBar: uniform() }),
    ...(uniform() < 0.4 && { latencyBarMs: 1 + uniform() * 5000 }),
    ...(uniform() < 0.4 && {
      abstain: { model: named, qualityBelow: uniform(), marginBelow: uniform() / 4 },
    }),
  };
  const spentUsd = terms.usd - uniform() * 0.006;
  const budget = { ...startBudget(terms, 0), spentUsd, qualityPerUsd: uniform() * 300 };
  return {
    policy,
    input: { estimates, prompt, budget, ...(policy.abstain?.model === "standby" && { standby }) },
  };
}

test("for any policy and any money left", { timeout: 120_000 }, () => {
  const stream = new RandomStream({ seed: 8, stream: 1 });
  const seen = new Map<string, number>();
  for (let round = 0; round < 800; round++) {
    const { policy, input } = randomCase(stream);
    const today = chosen(policy, input);
    if (today === undefined) continue;
    for (const change of whatWouldChange(policy, input)) {
      const kind = policy.choose === "budget" ? `${change.what} under a budget` : change.what;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const now = todayOf(change, policy, input);
      const isUpwards = change.threshold > now || /lambda above|money above|bar above/.test(change.sentence);
      const beyond = change.threshold === 0 ? 1e-8 : change.threshold * (isUpwards ? 1 + 1e-8 : 1 - 1e-8);
      const context = JSON.stringify({ change, policy, input });
      expect(change.instead, context).not.toBe(today);
      expect(change.sentence).toContain(change.instead);
      expect(under(change, beyond, policy, input), context).toBe(change.instead);
      // A strict bar may refuse on the way; nobody else answers before.
      for (const share of [0.02, stream.nextUniform(), 0.98]) {
        const between = now + share * (change.threshold - now);
        if (between === now) continue;
        expect([today, undefined], context).toContain(under(change, between, policy, input));
      }
    }
  }
  const kinds = ["lambda", "quality-bar", "latency-bar", "price"];
  for (const kind of [...kinds, ...kinds.map((what) => `${what} under a budget`), "budget under a budget"]) {
    expect(seen.get(kind), kind).toBeGreaterThan(15);
  }
});

test("whoever costs more than is left needs a larger budget, not another price of money", () => {
  const input: PolicyInput = {
    estimates: [
      { model: "dear", quality: 0.9, costUsd: 0.02 },
      { model: "cheap", quality: 0.5, costUsd: 0.0005 },
    ],
    prompt,
    budget: { ...startBudget(terms, 0), spentUsd: 0.009, qualityPerUsd: 10 },
  };
  const policy: Policy = { choose: "budget", budget: terms };
  const changes = whatWouldChange(policy, input);
  expect(changes.map(({ what, instead }) => [what, instead])).toEqual([
    ["budget", "dear"],
    ["price", "dear"],
  ]);
  expect(changes[0]).toMatchObject({
    threshold: expect.closeTo(0.029, 12),
    sentence:
      "with a budget larger by at least $0.0190 ($0.0200 left instead of $0.00100) dear would be chosen",
  });
  // The price that fits the money, though half of today's would do for the quality.
  expect(changes[1]).toMatchObject({ threshold: expect.closeTo(0.05, 12) });
});

test("a default model that answers stays until the doubt is gone", () => {
  const input: PolicyInput = {
    estimates: [
      { model: "large", quality: 0.9, costUsd: 0.01 },
      { model: "medium", quality: 0.7, costUsd: 0.002 },
      { model: "small", quality: 0.4, costUsd: 0.0002 },
    ],
    standby: { model: "expert", costUsd: 0.05 },
    prompt,
  };
  const policy: Policy = {
    choose: "quality-minus-cost",
    qualityPerUsd: 1000,
    abstain: { model: "expert", qualityBelow: 0.8 },
  };
  expect(applyPolicy(policy, input).model).toBe("expert");
  // Below 166.7 medium takes the place of small, which the default model would replace as well.
  expect(whatWouldChange(policy, input).filter(({ what }) => what === "lambda")).toEqual([
    {
      what: "lambda",
      threshold: expect.closeTo(25, 9),
      model: "large",
      instead: "large",
      sentence: "at lambda below 25 quality per US dollar large would be chosen",
    },
  ]);
});
