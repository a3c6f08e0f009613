/** No way around the bars and the money: not by abstention, not by a bar that only dear candidates reach. */
import { describe, expect, it, test } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { applyPolicy, type CandidateEstimate, type Policy, type PolicyInput, startBudget } from "./index.ts";

const prompt = { promptTokens: 10, hasTools: false, hasImages: false };
const dear: CandidateEstimate = { model: "dear", quality: 0.9, costUsd: 0.02, latencyMs: 9000 };
const cheap: CandidateEstimate = { model: "cheap", quality: 0.5, costUsd: 0.0005, latencyMs: 300 };
const terms = { usd: 0.01, periodSeconds: 60, requestsPerPeriod: 10 };
const PAIR: PolicyInput = { estimates: [dear, cheap], prompt };
const withLeft = (usd: number): PolicyInput => ({
  ...PAIR,
  budget: { ...startBudget(terms, 0), spentUsd: terms.usd - usd },
});
const toDear = { model: "dear", qualityBelow: 1 };

describe("the default model of abstention", () => {
  test.each<[string, Policy, PolicyInput, RegExp]>([
    [
      "money",
      { choose: "budget", budget: terms, strict: true, abstain: toDear },
      withLeft(0.001),
      /but the default model dear cannot answer: its expected cost of \$0\.0200 is above the \$0\.00100 that is left/,
    ],
    [
      "a latency bar",
      { choose: "best-quality", strict: true, latencyBarMs: 1000, abstain: toDear },
      PAIR,
      /but the default model dear cannot answer: its expected latency of 9000 ms is above the bar of 1000 ms/,
    ],
    [
      "a latency bar that nobody reaches",
      { choose: "best-quality", latencyBarMs: 100, abstain: toDear },
      PAIR,
      /default model dear cannot answer: its expected latency of 9000 ms is above the bar of 100 ms/,
    ],
  ])("keeps to %s", (_name, policy, input, words) => {
    const { model, explanation } = applyPolicy(policy, input);
    expect(model).toBe("cheap");
    expect(explanation).toMatch(words);
  });

  it("keeps to a quality bar that somebody reaches", () => {
    const policy: Policy = {
      choose: "best-quality",
      qualityBar: 0.6,
      abstain: { model: "cheap", qualityBelow: 1 },
    };
    const { model, explanation } = applyPolicy(policy, PAIR);
    expect(model).toBe("dear");
    expect(explanation).toMatch(
      /default model cheap cannot answer: its expected quality of 0\.500 is below the bar/,
    );
  });

  it("is free of a quality bar that nobody reaches, and is then not said to be left out", () => {
    const policy: Policy = {
      choose: "best-quality",
      qualityBar: 0.95,
      abstain: { model: "cheap", qualityBelow: 1 },
    };
    const { model, explanation, excluded } = applyPolicy(policy, PAIR);
    expect(model).toBe("cheap");
    expect(explanation).toMatch(
      /no candidate reaches the quality bar of 0\.950.*so the default model cheap answers/,
    );
    expect(explanation).not.toContain("cheap is left out");
    expect(excluded).toEqual([]);
    expect(() => applyPolicy({ ...policy, strict: true }, PAIR)).toThrow(/no candidate reaches/);
  });

  it("answers where it is the choice anyway, whatever it costs", () => {
    const policy: Policy = { choose: "budget", budget: terms, abstain: { model: "cheap", qualityBelow: 1 } };
    const { model, explanation } = applyPolicy(policy, withLeft(0));
    expect(model).toBe("cheap");
    expect(explanation).not.toContain("cannot answer");
  });
});

describe("an empty budget", () => {
  it("goes before bars: the cheapest answers, not the cheapest above the bar", () => {
    for (const policy of [{ qualityBar: 0.8 }, { qualityBar: 0.8, latencyBarMs: 1e9 }]) {
      const { model, explanation } = applyPolicy(
        { choose: "budget", budget: terms, ...policy },
        withLeft(-0.01),
      );
      expect(model).toBe("cheap");
      expect(explanation).toMatch(/\$0 of \$0\.0100 is left in this period, less than any answer would cost/);
    }
  });

  it("is told from a bar under a strict policy", () => {
    const policy: Policy = { choose: "budget", budget: terms, qualityBar: 0.8, strict: true };
    expect(() => applyPolicy(policy, withLeft(0.001))).toThrow(
      expect.objectContaining({ code: "BUDGET_EXHAUSTED", message: expect.stringContaining("dear") }),
    );
    expect(() => applyPolicy({ ...policy, qualityBar: 0.95 }, withLeft(0.001))).toThrow(
      expect.objectContaining({ code: "NO_CANDIDATE" }),
    );
  });

  it("says who is too dear", () => {
    const { model, excluded } = applyPolicy({ choose: "budget", budget: terms }, withLeft(0.001));
    expect(model).toBe("cheap");
    expect(excluded).toEqual([
      { model: "dear", reason: "its expected cost of $0.0200 is above the $0.00100 that is left" },
    ]);
  });
});

test("for any numbers, a budget is left only by the cheapest, and bars only where nobody reaches them", () => {
  const stream = new RandomStream({ seed: 6, stream: 1 });
  const uniform = () => stream.nextUniform();
  const seen = { abstained: 0, overspent: 0, refused: 0 };
  for (let round = 0; round < 1200; round++) {
    const estimates = Array.from({ length: 2 + Math.floor(uniform() * 4) }, (_, index) => ({
      model: `m${index}`,
      quality: Math.round(uniform() * 20) / 20,
      costUsd: Math.round(1 + uniform() * 50) / 1e4,
      latencyMs: uniform() * 5000,
    }));
    const standby = { model: "standby", costUsd: uniform() * 0.005, latencyMs: uniform() * 5000 };
    const budget = {
      ...startBudget(terms, 0),
      spentUsd: terms.usd - uniform() * 0.004,
      qualityPerUsd: uniform() * 200,
    };
    const named = uniform() < 0.3 ? "standby" : estimates[Math.floor(uniform() * estimates.length)]!.model;
    const policy: Policy = {
      choose: "budget",
      budget: terms,
      strict: uniform() < 0.5,
      abstain: { model: named, qualityBelow: uniform() },
      ...(uniform() < 0.5 && { qualityBar: uniform() }),
      ...(uniform() < 0.5 && { latencyBarMs: 1 + uniform() * 4000 }),
    };
    const left = terms.usd - budget.spentUsd;
    const { qualityBar = 0, latencyBarMs = Number.POSITIVE_INFINITY } = policy;
    let decision: ReturnType<typeof applyPolicy>;
    try {
      decision = applyPolicy(policy, { estimates, standby, prompt, budget });
    } catch (thrown) {
      expect(policy.strict).toBe(true);
      expect(["NO_CANDIDATE", "BUDGET_EXHAUSTED"]).toContain((thrown as { code: string }).code);
      const fits = estimates.some(
        ({ quality, costUsd, latencyMs }) =>
          quality >= qualityBar && latencyMs <= latencyBarMs && costUsd <= left,
      );
      expect(fits).toBe(false);
      seen.refused++;
      continue;
    }
    const chosen = [...estimates, standby].find(({ model }) => model === decision.model)!;
    if (decision.explanation.includes("so the default model")) seen.abstained++;
    expect(decision.explanation).not.toContain(`${decision.model} is left out`);
    if (chosen.costUsd > left) {
      expect(policy.strict).toBe(false);
      expect(chosen.costUsd).toBeLessThanOrEqual(Math.min(...estimates.map(({ costUsd }) => costUsd)));
      seen.overspent++;
      continue;
    }
    const affordable = estimates.filter(({ costUsd }) => costUsd <= left);
    if (affordable.some(({ latencyMs }) => latencyMs <= latencyBarMs)) {
      expect(chosen.latencyMs).toBeLessThanOrEqual(latencyBarMs);
    }
    if (policy.strict && "quality" in chosen) expect(chosen.quality).toBeGreaterThanOrEqual(qualityBar);
  }
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(30);
});
