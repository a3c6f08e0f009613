/** Policies as promises: whatever the numbers, constraints hold, more lambda is never dearer, and words match decisions. */
import { describe, expect, it, test } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import {
  applyPolicy,
  type CandidateEstimate,
  checkPolicy,
  type Policy,
  type PolicyInput,
  startBudget,
  whatWouldChange,
} from "./index.ts";

const PLAIN = { promptTokens: 100, hasTools: false, hasImages: false };

const candidate = (
  model: string,
  quality: number,
  costUsd: number,
  more: Partial<CandidateEstimate> = {},
): CandidateEstimate => ({ model, quality, costUsd, latencyMs: 1000, completionTokens: 200, ...more });

const THREE: PolicyInput = {
  estimates: [
    candidate("large", 0.9, 0.01, { latencyMs: 4000 }),
    candidate("medium", 0.85, 0.002, { latencyMs: 1500 }),
    candidate("small", 0.6, 0.0002, { latencyMs: 300 }),
  ],
  prompt: PLAIN,
};

/** A random request of two to six candidates, some limited, some of unknown speed. */
function randomInput(stream: RandomStream): PolicyInput {
  const uniform = () => stream.nextUniform();
  const count = 2 + Math.floor(uniform() * 5);
  return {
    estimates: Array.from({ length: count }, (_, index) =>
      candidate(`m${index}`, Math.round(uniform() * 20) / 20, Math.round(uniform() * 50) / 1e4, {
        latencyMs: uniform() < 0.2 ? undefined : uniform() * 5000,
        contextWindowTokens: uniform() < 0.3 ? 200 : undefined,
        supportsTools: uniform() < 0.3 ? false : undefined,
        supportsImages: uniform() < 0.3 ? false : undefined,
      }),
    ),
    prompt: {
      promptTokens: 50 + Math.floor(uniform() * 200),
      maxCompletionTokens: uniform() < 0.5 ? 40 : undefined,
      hasTools: uniform() < 0.3,
      hasImages: uniform() < 0.3,
    },
  };
}

function randomPolicy(stream: RandomStream, input: PolicyInput): Policy {
  const uniform = () => stream.nextUniform();
  const models = input.estimates.map(({ model }) => model);
  const some = () => models.filter(() => uniform() < 0.4);
  const choose = (["best-quality", "quality-minus-cost", "cheapest"] as const)[Math.floor(uniform() * 3)]!;
  const abstainTo = models[Math.floor(uniform() * models.length)]!;
  return {
    choose,
    ...(choose === "quality-minus-cost" && { qualityPerUsd: uniform() * 500 }),
    ...(uniform() < 0.5 && { qualityBar: uniform() }),
    ...(uniform() < 0.5 && { latencyBarMs: 1 + uniform() * 5000 }),
    ...(uniform() < 0.3 && { deny: some() }),
    ...(uniform() < 0.3 && { allow: some() }),
    ...(uniform() < 0.3 && { abstain: { model: abstainTo, marginBelow: 0.1, qualityBelow: 0.5 } }),
  };
}

describe("for any numbers", () => {
  it("the choice keeps every constraint, and errors name every candidate's reason", () => {
    const stream = new RandomStream({ seed: 1, stream: 1 });
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const input = randomInput(stream);
      const policy = randomPolicy(stream, input);
      let model: string;
      try {
        ({ model } = applyPolicy(policy, input));
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "NO_CANDIDATE" });
        for (const { model: name } of input.estimates) expect((thrown as Error).message).toContain(name);
        refused++;
        continue;
      }
      const chosen = input.estimates.find((estimate) => estimate.model === model)!;
      const { promptTokens, maxCompletionTokens = 200, hasTools, hasImages } = input.prompt;
      expect(policy.deny ?? []).not.toContain(model);
      if (policy.allow !== undefined) expect(policy.allow).toContain(model);
      expect(promptTokens + maxCompletionTokens).toBeLessThanOrEqual(
        chosen.contextWindowTokens ?? Number.POSITIVE_INFINITY,
      );
      expect(hasTools && chosen.supportsTools === false).toBe(false);
      expect(hasImages && chosen.supportsImages === false).toBe(false);
    }
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(2500);
  });

  it("strict bars are never crossed", () => {
    const stream = new RandomStream({ seed: 2, stream: 1 });
    let decided = 0;
    for (let round = 0; round < 2000; round++) {
      const input = randomInput(stream);
      const { abstain: _, ...policy } = randomPolicy(stream, input);
      try {
        const { model } = applyPolicy({ ...policy, strict: true }, input);
        const chosen = input.estimates.find((estimate) => estimate.model === model)!;
        expect(chosen.quality).toBeGreaterThanOrEqual(policy.qualityBar ?? 0);
        expect(chosen.latencyMs ?? 0).toBeLessThanOrEqual(policy.latencyBarMs ?? Number.POSITIVE_INFINITY);
        decided++;
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "NO_CANDIDATE" });
      }
    }
    expect(decided).toBeGreaterThan(300);
  });

  it("a larger lambda never chooses a dearer or a better candidate", () => {
    const stream = new RandomStream({ seed: 3, stream: 1 });
    for (let round = 0; round < 1000; round++) {
      const input = { ...randomInput(stream), prompt: { ...PLAIN, promptTokens: 1, maxCompletionTokens: 1 } };
      let before = candidate("", 1, Number.POSITIVE_INFINITY);
      for (const qualityPerUsd of [0, 1, 5, 20, 50, 100, 300, 1000, 1e5]) {
        const { model } = applyPolicy({ choose: "quality-minus-cost", qualityPerUsd }, input);
        const chosen = input.estimates.find((estimate) => estimate.model === model)!;
        expect(chosen.costUsd).toBeLessThanOrEqual(before.costUsd!);
        expect(chosen.quality).toBeLessThanOrEqual(before.quality!);
        before = chosen;
      }
    }
  });

  it("what would change the decision changes it, and nothing short of it does", () => {
    const stream = new RandomStream({ seed: 4, stream: 1 });
    const seen = new Map<string, number>();
    for (let round = 0; round < 1000; round++) {
      const input = { ...randomInput(stream), prompt: { ...PLAIN, promptTokens: 1, maxCompletionTokens: 1 } };
      const { abstain: _, ...policy } = randomPolicy(stream, {
        ...input,
        estimates: input.estimates.slice(0, 1),
      });
      const open: Policy = { ...policy, deny: [], allow: undefined, qualityBar: undefined };
      const { model } = applyPolicy(open, input);
      for (const change of whatWouldChange(open, input)) {
        seen.set(change.what, (seen.get(change.what) ?? 0) + 1);
        expect(change.instead).not.toBe(model);
        const under = (factor: number): string => {
          const at = change.threshold === 0 ? 1e-6 : change.threshold * factor;
          if (change.what === "lambda") {
            return applyPolicy({ ...open, choose: "quality-minus-cost", qualityPerUsd: at }, input).model;
          }
          if (change.what === "quality-bar") return applyPolicy({ ...open, qualityBar: at }, input).model;
          if (change.what === "latency-bar") return applyPolicy({ ...open, latencyBarMs: at }, input).model;
          const estimates = input.estimates.map((estimate) =>
            estimate.model === change.model ? { ...estimate, costUsd: estimate.costUsd! * at } : estimate,
          );
          return applyPolicy(open, { ...input, estimates }).model;
        };
        const isUpwards = change.what === "quality-bar" || change.sentence.includes("lambda above");
        const [beyond, short] = isUpwards ? [1 + 1e-6, 1 - 1e-6] : [1 - 1e-6, 1 + 1e-6];
        expect(under(beyond), change.sentence).toBe(change.instead);
        if (change.threshold > 0) expect(under(short), change.sentence).toBe(model);
      }
    }
    for (const what of ["lambda", "quality-bar", "latency-bar", "price"]) {
      expect(seen.get(what), what).toBeGreaterThan(50);
    }
  });
});

describe("each policy says which numbers decided", () => {
  test.each<[string, Policy, string, RegExp]>([
    ["best quality", { choose: "best-quality" }, "large", /large .*\(0\.900\), ahead of medium \(0\.850\)/],
    [
      "quality minus cost",
      { choose: "quality-minus-cost", qualityPerUsd: 10 },
      "medium",
      /medium .*0\.850 - 10 x \$0\.0020\d* = 0\.830\), ahead of large \(0\.900 - 10 x \$0\.010\d* = 0\.800\)/,
    ],
    ["cheapest", { choose: "cheapest" }, "small", /small .*\$0\.000200\) .*0\.600, ahead of medium/],
    [
      "cheapest above a bar",
      { choose: "cheapest", qualityBar: 0.8 },
      "medium",
      /small is left out: its expected quality of 0\.600 is below the bar of 0\.800/,
    ],
    [
      "a bar nobody reaches",
      { choose: "cheapest", qualityBar: 0.95 },
      "large",
      /no candidate reaches the quality bar of 0\.950, so the best, large \(0\.900\), is taken/,
    ],
    [
      "a latency bar",
      { choose: "best-quality", latencyBarMs: 2000 },
      "medium",
      /large is left out: its expected latency of 4000 ms is above the bar of 2000 ms/,
    ],
    [
      "a latency bar nobody reaches",
      { choose: "best-quality", latencyBarMs: 10 },
      "small",
      /no candidate reaches the latency bar of 10 ms, so the fastest, small \(300 ms\), is taken/,
    ],
    [
      "abstention by margin",
      { choose: "best-quality", abstain: { model: "small", marginBelow: 0.1 } },
      "small",
      /ahead by 0\.050, less than 0\.100, so the default model small answers/,
    ],
    [
      "abstention by quality",
      { choose: "cheapest", abstain: { model: "large", qualityBelow: 0.7 } },
      "large",
      /expected quality of small \(0\.600\) is below 0\.700, so the default model large answers/,
    ],
    [
      "a default model that may not answer",
      { choose: "cheapest", deny: ["large"], abstain: { model: "large", qualityBelow: 0.7 } },
      "small",
      /the default model large cannot answer: it is on the deny list/,
    ],
  ])("%s", (_name, policy, model, words) => {
    const decision = applyPolicy(policy, THREE);
    expect(decision.model).toBe(model);
    expect(decision.explanation).toMatch(words);
  });

  test("a default model outside the candidates may stand in, under the same constraints", () => {
    const policy: Policy = { choose: "best-quality", abstain: { model: "expert", marginBelow: 0.1 } };
    const standby = { model: "expert", supportsTools: false };
    expect(applyPolicy(policy, { ...THREE, standby }).model).toBe("expert");
    const prompt = { ...PLAIN, hasTools: true };
    expect(applyPolicy(policy, { ...THREE, standby, prompt }).model).toBe("large");
  });

  test("unknown quality or cost is an error only where it is needed", () => {
    const bare: PolicyInput = { estimates: [{ model: "a" }, { model: "b" }], prompt: PLAIN };
    expect(() => applyPolicy({ choose: "best-quality" }, bare)).toThrow(
      expect.objectContaining({ code: "POLICY_INVALID", message: expect.stringContaining("quality of b") }),
    );
    expect(() => applyPolicy({ choose: "cheapest" }, bare)).toThrow(/expected cost of/);
    const priced = bare.estimates.map((estimate, index) => ({ ...estimate, costUsd: 2 - index }));
    expect(applyPolicy({ choose: "cheapest" }, { ...bare, estimates: priced }).model).toBe("b");
  });

  test("numbers that miss a bar by little are shown apart from it", () => {
    const estimates = [candidate("a", 0.59996, 0.01, { latencyMs: 1000.2 }), candidate("b", 0.7, 0.02)];
    const explain = (policy: Omit<Policy, "choose">) =>
      applyPolicy({ choose: "cheapest", ...policy }, { estimates, prompt: PLAIN }).explanation;
    expect(explain({ qualityBar: 0.6 })).toContain("quality of 0.59996 is below the bar of 0.60000");
    expect(explain({ latencyBarMs: 1000 })).toContain("latency of 1000.2 ms is above the bar of 1000.0 ms");
    expect(explain({ abstain: { model: "b", qualityBelow: 0.6 } })).toContain("(0.59996) is below 0.60000");
    expect(explain({ abstain: { model: "b", marginBelow: 0.10005 } })).toContain(
      "by 0.1000, less than 0.1001",
    );
  });

  test("a lambda beyond all bounds takes the cheapest", () => {
    const estimates = [candidate("large", 0.9, 3), candidate("small", 0.1, 2)];
    const policy: Policy = { choose: "quality-minus-cost", qualityPerUsd: Number.MAX_VALUE };
    expect(applyPolicy(policy, { estimates, prompt: PLAIN }).model).toBe("small");
  });

  test("candidates that are level are said to be so, with what told between them", () => {
    const level = [candidate("a", 0.8, 0.02), candidate("b", 0.8, 0.01)];
    const explain = (policy: Policy, estimates = level) =>
      applyPolicy(policy, { estimates, prompt: PLAIN }).explanation;
    expect(explain({ choose: "best-quality" })).toBe(
      "b has the best expected quality (0.800), level with a (0.800) but cheaper",
    );
    expect(explain({ choose: "quality-minus-cost", qualityPerUsd: 0 })).toMatch(
      /, level with a .* but cheaper$/,
    );
    const equal = [candidate("a", 0.7, 0.01), candidate("b", 0.8, 0.01), candidate("c", 0.8, 0.01)];
    expect(explain({ choose: "cheapest" }, equal.slice(0, 2))).toMatch(
      /, level with a \(\$0\.0100\) but better$/,
    );
    expect(explain({ choose: "cheapest" }, equal)).toMatch(
      /, level with c \(\$0\.0100\), which comes later in the list$/,
    );
  });

  test("an empty budget takes the cheapest, or is refused when strict", () => {
    const terms = { usd: 0.01, periodSeconds: 60, requestsPerPeriod: 10 };
    const budget = { ...startBudget(terms, 0), spentUsd: 0.00999 };
    const policy: Policy = { choose: "budget", budget: terms };
    const decision = applyPolicy(policy, { ...THREE, budget });
    expect(decision).toMatchObject({
      model: "small",
      explanation: expect.stringMatching(/\$0\.0000100 of \$0\.01\d* is left in this period, less than any/),
    });
    expect(() => applyPolicy({ ...policy, strict: true }, { ...THREE, budget })).toThrow(
      expect.objectContaining({ code: "BUDGET_EXHAUSTED" }),
    );
  });
});

describe("checkPolicy", () => {
  const ground = { models: ["large", "small", "expert"], candidates: ["large", "small"], hasQuality: true };
  test.each<[string, Policy, RegExp]>([
    ["lambda is missing", { choose: "quality-minus-cost" }, /policy\.qualityPerUsd: missing/],
    ["lambda without use", { choose: "cheapest", qualityPerUsd: 1 }, /given, but choose is cheapest/],
    [
      "a negative lambda",
      { choose: "quality-minus-cost", qualityPerUsd: -1 },
      /received -1, expected 0 or more/,
    ],
    ["a bar over 1", { choose: "cheapest", qualityBar: 80 }, /received 80, expected 0 to 1/],
    ["a bar of NaN", { choose: "cheapest", qualityBar: Number.NaN }, /received NaN/],
    ["no latency", { choose: "cheapest", latencyBarMs: 0 }, /received 0, expected more than 0/],
    ["no budget", { choose: "budget" }, /policy\.budget: missing/],
    ["an unknown model", { choose: "cheapest", deny: ["smal"] }, /deny\[0\]: the pool has no model "smal"/],
    ["nothing allowed", { choose: "cheapest", allow: ["expert"] }, /policy\.allow: leaves no candidate/],
    [
      "everything denied",
      { choose: "cheapest", deny: ["large", "small"] },
      /policy\.deny: leaves no candidate/,
    ],
    [
      "abstention without reason",
      { choose: "cheapest", abstain: { model: "large" } },
      /qualityBelow, marginBelow/,
    ],
    [
      "an unknown default",
      { choose: "cheapest", abstain: { model: "x", marginBelow: 0.1 } },
      /abstain\.model/,
    ],
  ])("%s", (_name, policy, words) => {
    expect(() => checkPolicy(policy, ground)).toThrow(
      expect.objectContaining({ code: "POLICY_INVALID", message: expect.stringMatching(words) }),
    );
  });

  test("quality is needed where it is used", () => {
    const bare = { ...ground, hasQuality: false };
    expect(() => checkPolicy({ choose: "cheapest" }, bare)).not.toThrow();
    expect(() => checkPolicy({ choose: "best-quality" }, bare)).toThrow(/only scores/);
    expect(() => checkPolicy({ choose: "cheapest", qualityBar: 0.5 }, bare)).toThrow(/policy\.qualityBar/);
  });
});
