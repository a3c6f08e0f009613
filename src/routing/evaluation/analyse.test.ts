/** The analysis of a small table of answers, by hand. */
import { describe, expect, test } from "vitest";
import type { JudgedRecord } from "../../judged/record.ts";
import type { OutcomeRouter } from "../outcome.ts";
import type { RoutingQuery } from "../router.ts";
import {
  analyseRouters,
  assessAll,
  benchmarkWeights,
  bestSingleModel,
  bestSingleOf,
  bootstrapMeans,
  choiceConfusion,
  compareWithSingle,
  expectAll,
  pricedCosts,
  recordedCosts,
  routeAll,
} from "./index.ts";

const candidates = ["small", "large"];
const bootstrap = { samples: 200, seed: 3 };

function record(
  id: string,
  benchmark: string,
  [small, large]: readonly [number, number],
  extra: Record<string, unknown> = {},
): JudgedRecord {
  return {
    id,
    benchmark,
    prompt: "12345678",
    candidates: {
      small: { response: "abcd", score: small, ...extra },
      large: { response: "abcdefgh", score: large, ...extra },
    },
  };
}

// B: small right on 1 of 2, large on both. C: small right on 2 of 4, large on 1.
const records = [
  record("1", "B", [1, 1]),
  record("2", "B", [0, 1]),
  record("3", "C", [1, 0]),
  record("4", "C", [1, 1]),
  record("5", "C", [0, 0]),
  record("6", "C", [0, 0]),
];
const pricing = {
  small: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 1 },
  large: { inputCostUsdPerMillionTokens: 10, outputCostUsdPerMillionTokens: 10 },
};

describe("the best single model", () => {
  test("counts each benchmark once", () => {
    // B: 0.5 against 1; C: 0.5 against 0.25. By prompts alone small would win 3 to 3.
    expect(bestSingleModel(records.slice(1, 3), candidates)).toBe("small");
    expect(bestSingleModel(records, candidates)).toBe("large");
    expect(
      bestSingleOf([
        [0, 1, 0.5],
        [0.9, 0, 0.5],
      ]),
    ).toBe(1);
    expect(() => bestSingleOf([])).toThrow("no benchmark");
  });
});

describe("means over benchmarks", () => {
  test("weights and plain means", () => {
    expect([...benchmarkWeights(["B", "C", "B"])]).toEqual([0.25, 0.5, 0.25]);
  });

  test("resamples stay within benchmarks and are the same for every column", () => {
    const benchmarks = ["B", "B", "C"];
    const [constant, own, double] = bootstrapMeans(
      [
        [1, 1, 5],
        [0, 1, 7],
        [0, 2, 14],
      ],
      benchmarks,
      bootstrap,
    );
    expect(new Set(constant)).toEqual(new Set([3]));
    expect(new Set(own)).toEqual(new Set([3.5, 3.75, 4]));
    expect(double).toEqual(own!.map((value) => 2 * value));
    expect(bootstrapMeans([[0, 1, 7]], benchmarks, bootstrap)[0]).toEqual(own);
  });
});

test("wins, losses, ties, difference and share of the gap", () => {
  const { mean, against } = compareWithSingle({
    routers: { router: Float64Array.of(100, 0, 100, 100), single: Float64Array.of(0, 50, 100, 0) },
    single: Float64Array.of(0, 50, 100, 0),
    oracle: Float64Array.of(100, 50, 100, 100),
    benchmarks: ["B", "B", "C", "C"],
    bootstrap,
  });
  expect(mean.router!.quality).toBe(75);
  expect(against.router).toMatchObject({ wins: 2, losses: 1, ties: 1, difference: 37.5 });
  // single 37.5, oracle 87.5
  expect(against.router!.gapRecovered).toBe(0.75);
  expect(against.router!.interval[0]).toBeLessThan(37.5);
  expect(against.router!.interval[1]).toBeGreaterThan(37.5);
  expect(against.single).toMatchObject({ wins: 0, difference: 0, interval: [0, 0], gapRecovered: 0 });
  const nothingToGain = compareWithSingle({
    routers: { router: Float64Array.of(0) },
    single: Float64Array.of(1),
    oracle: Float64Array.of(1),
    benchmarks: ["B"],
    bootstrap,
  });
  expect(nothingToGain.against.router!.gapRecovered).toBeUndefined();
});

test("confusion shares out ties and leaves out prompts without a difference", () => {
  const quality = [
    [1, 0, 1],
    [0, 1, 1],
    [1, 1, 1],
    [0, 0, 1],
  ];
  const { counts, undecided } = choiceConfusion([0, 0, 1, 2], quality);
  expect(counts).toEqual([
    [1, 0.5, 0.5],
    [0, 0, 0],
    [0, 0, 1],
  ]);
  expect(undecided).toBe(1);
});

describe("costs", () => {
  test("tokens of the records come before estimates, and the share of estimates is told", () => {
    const some = [
      record("1", "B", [1, 1], { tokens: 100 }),
      record("2", "B", [1, 1], { output_tokens: 7, input_tokens: 3 }),
    ];
    const { usd, expectedUsd, estimatedShare, source } = pricedCosts(some, candidates, pricing);
    // The prompt has 8 bytes, so 2 estimated tokens.
    expect(usd[0]![0]).toBeCloseTo(102e-6, 15);
    expect(usd[1]![1]).toBeCloseTo(100e-6, 15);
    expect(expectedUsd[1]![1]).toBeCloseTo((2 + 256) * 10e-6, 15);
    expect([estimatedShare, source]).toEqual([0.25, "prices"]);
    const told = pricedCosts(some, candidates, pricing, [
      [10, 20],
      [30, 40],
    ]);
    expect(told.expectedUsd[1]![1]).toBeCloseTo(42 * 10e-6, 15);
    expect(told.usd).toEqual(usd);
    // 4 and 8 bytes of answer
    expect(pricedCosts([records[0]!], candidates, pricing).usd[0]![1]).toBeCloseTo(40e-6, 15);
  });

  test("a candidate without a price is named", () => {
    expect(() => pricedCosts(records, candidates, { small: pricing.small })).toThrow("none for large");
  });

  test("recorded dollars serve where every answer has them", () => {
    expect(recordedCosts(records, candidates)).toBeUndefined();
    const costs = recordedCosts(
      [record("1", "B", [1, 1], { cost: 2 }), record("2", "B", [1, 1], { cost: 4 })],
      candidates,
    )!;
    expect(costs.usd.map((row) => [...row])).toEqual([
      [2, 2],
      [4, 4],
    ]);
    expect(costs.expectedUsd.map((row) => [...row])).toEqual([
      [3, 3],
      [3, 3],
    ]);
  });
});

/** Expects `large` to be better on prompts of even id. Its candidates are in another order than the data's. */
const router: OutcomeRouter = {
  name: "even",
  candidates: ["large", "small"],
  isCalibrated: true,
  scores: async (queries) => queries.map(({ id }) => Float64Array.of(Number(id) % 2 === 0 ? 0.9 : 0.1, 0.5)),
  async outcomes(queries: readonly RoutingQuery[]) {
    return (await this.assess(queries)).map(({ estimate }) => estimate);
  },
  async assess(queries: readonly RoutingQuery[]) {
    return (await this.scores(queries)).map((scores) => ({
      scores,
      estimate: { quality: scores, completionTokens: Float64Array.of(20, 10) },
    }));
  },
};

describe("a router's expectations", () => {
  test("come in the data's order of candidates", async () => {
    const { choices, scores } = await routeAll(router, records, candidates);
    expect([...choices]).toEqual([0, 1, 0, 1, 0, 1]);
    expect([...scores[0]!]).toEqual([0.5, 0.1]);
    const expected = await expectAll(router, records, [...candidates, "other"]);
    expect([...expected.quality[1]!]).toEqual([0.5, 0.9, Number.NaN]);
    await expect(routeAll(router, records, ["small"])).rejects.toMatchObject({ code: "UNKNOWN_CANDIDATE" });
  });

  test("the whole analysis", async () => {
    const { choices, scores, expected } = await assessAll(router, records, candidates);
    expect({ choices, scores }).toEqual(await routeAll(router, records, candidates));
    const outcomes = { even: expected };
    const rawOutcomes = { even: { quality: scores.map(() => Float64Array.of(1, 1)), isCalibrated: false } };
    const analysis = analyseRouters({
      records,
      candidates,
      choices: { even: choices, "always large": new Int32Array(6).fill(1) },
      served: "even",
      scores: { even: scores },
      outcomes,
      rawOutcomes,
      bestSingle: "small",
      pricing,
      bootstrap,
    });
    expect(analysis.bestSingle).toEqual({ model: "small", chosenOn: "training" });
    // even: B 1, 1; C 1, 1, 0, 0. small: B 1, 0; C the same.
    expect(analysis.quality.even!.quality).toBe(75);
    expect(analysis.againstSingle.even).toMatchObject({ wins: 1, losses: 0, ties: 5, difference: 25 });
    expect(analysis.againstSingle.even!.gapRecovered).toBe(1);
    expect(analysis.confusion.even).toEqual({
      counts: [
        [1, 0],
        [0, 1],
      ],
      undecided: 4,
    });

    const costs = analysis.costs!;
    // A thousand prompts: small (2 + 1) x $1e-6, large (2 + 2) x $1e-5.
    expect(costs.models.small!.cost).toBeCloseTo(0.003, 12);
    expect(costs.models.large!.cost).toBeCloseTo(0.04, 12);
    expect(costs.routers.even!.cost).toBeCloseTo((0.003 + 0.04) / 2, 12);
    expect(costs.routers.even!.relativeToSingle).toBeCloseTo(43 / 6 - 1, 12);
    expect(costs.aiqRange).toEqual({ low: 0, high: costs.models.large!.cost });
    expect(costs.zeroRouter.map(({ quality }) => quality)).toEqual([50, 62.5]);
    expect(costs.curves.even!.points[0]).toMatchObject({ quality: 75, setting: 0 });
    expect(costs.curves.even!.points.at(-1)).toMatchObject({ quality: 50 });
    expect(costs.curves.even!.performanceGain).toBeCloseTo(0.5, 12);
    expect(costs.curves.even!.costSaving).toBeCloseTo(0, 12);
    expect(costs.curves["always large"]).toBeUndefined();
    expect([costs.curves.even!.basis, costs.expectedLengths]).toEqual(["calibrated", "assumed"]);

    const { pairs, brier, isCalibrated } = analysis.reliability!.even!;
    expect([pairs, isCalibrated]).toEqual([12, true]);
    // Odd ids 1, 3, 5: large 0.1 against 1, 0, 0, small 0.5; even ids 2, 4, 6: large 0.9 against 1, 1, 0.
    expect(brier).toBeCloseTo((0.81 + 0.01 + 0.01 + 6 * 0.25 + 0.01 + 0.01 + 0.81) / 12, 12);

    // Six answers of twelve are right, and all are expected to be.
    expect(analysis.reliability!.even!.raw).toMatchObject({ isCalibrated: false, brier: 0.5 });

    // Over prompts both models are right on three of six: there is no gap to recover.
    expect(analysis.pair).toBeUndefined();
  });

  test("free models leave out what would divide by their cost, and only free ones all costs", () => {
    const input = { records, candidates, choices: { x: new Int32Array(6).fill(1) }, served: "x", bootstrap };
    const free = { inputCostUsdPerMillionTokens: 0, outputCostUsdPerMillionTokens: 0 };
    const scores = { x: records.map(() => Float64Array.of(0.2, 0.7)) };
    const mixed = analyseRouters({
      ...input,
      scores,
      bestSingle: "small",
      pricing: { ...pricing, small: free },
    });
    expect(mixed.costs!.routers.x!.relativeToSingle).toBeUndefined();
    expect(mixed.costs!.curves.x!.costSaving).toBeUndefined();
    expect(JSON.stringify(mixed)).not.toContain("null");
    expect(analyseRouters({ ...input, pricing: { small: free, large: free } }).costs).toBeUndefined();
  });

  test("without training data, prices or expectations it says so by leaving them out", () => {
    const analysis = analyseRouters({
      records,
      candidates,
      choices: { x: new Int32Array(6) },
      served: "x",
      bootstrap,
    });
    expect(analysis.bestSingle).toEqual({ model: "large", chosenOn: "evaluation" });
    expect(Object.keys(analysis).sort()).toEqual([
      "againstSingle",
      "bestSingle",
      "confusion",
      "models",
      "quality",
      "served",
    ]);
  });
});
