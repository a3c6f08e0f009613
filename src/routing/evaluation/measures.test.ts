/** Measures against numbers made by numpy, scipy and scikit-learn, against published ones, and by hand. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixtureJson } from "../../../test/support/fixtures.ts";
import { readJudgedRecords } from "../../judged/index.ts";
import {
  arenaScore,
  assignBins,
  averageImprovementInQuality,
  averagePerformanceGapRecovered,
  brierDecomposition,
  brierScore,
  callPerformanceThreshold,
  chooseAtLambda,
  costSaving,
  evenShareCurve,
  expectedCalibrationError,
  logLoss,
  nonDecreasingHull,
  operatingPoint,
  paretoDistance,
  paretoFront,
  performanceGain,
  qualityAtCost,
  reliabilityBins,
  strongShareCurve,
  sweepLambda,
  wilsonInterval,
} from "./index.ts";

interface PairFixture {
  readonly strong: string | readonly number[];
  readonly weak: string | readonly number[];
  readonly expected: {
    readonly used: number;
    readonly strong: number;
    readonly weak: number;
    readonly best_of_both: number;
    readonly oracle_curve_deciles: readonly number[];
    readonly oracle_apgr: number;
    readonly forced_oracle_curve_deciles: readonly number[];
    readonly forced_oracle_apgr: number;
  };
}

interface Fixture {
  readonly calibration: {
    readonly predictions: readonly number[];
    readonly outcomes: readonly number[];
    readonly fractional: readonly number[];
    readonly bins: readonly {
      readonly count: number;
      readonly predicted: number;
      readonly observed: number;
      readonly interval: readonly [number, number];
    }[];
    readonly ece: number;
    readonly reliability: number;
    readonly resolution: number;
    readonly uncertainty: number;
    readonly brier: number;
    readonly logLoss: number;
    readonly brierFractional: number;
  };
  readonly hull: {
    readonly points: readonly (readonly [number, number])[];
    readonly hull: readonly (readonly [number, number])[];
    readonly ranges: readonly { readonly low: number; readonly high: number; readonly aiq: number }[];
  };
  readonly pair: {
    readonly weak: readonly number[];
    readonly strong: readonly number[];
    readonly preference: readonly number[];
    readonly shares: readonly number[];
    readonly quality: readonly number[];
    readonly apgr: number;
    readonly cpt: Readonly<Record<string, number>>;
  };
  readonly routellm: Readonly<Record<string, PairFixture>>;
  readonly oracleOrder: Readonly<Record<string, readonly [number, number, number]>>;
}

const { calibration, hull, pair, routellm, oracleOrder } = fixtureJson<Fixture>(
  "evaluation/router-measures.json",
);
const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const DIGITS = 10;

describe("calibration", () => {
  const { predictions, outcomes, fractional } = calibration;
  const options = { binning: "equal-width", bins: 10 } as const;

  test("bins of equal width, Wilson intervals and ECE", () => {
    const bins = reliabilityBins(predictions, outcomes, options);
    expect(bins).toHaveLength(calibration.bins.length);
    for (const [index, { count, predicted, observed, interval }] of calibration.bins.entries()) {
      expect(bins[index]!.count).toBe(count);
      expect(bins[index]!.predicted).toBeCloseTo(predicted, DIGITS);
      expect(bins[index]!.observed).toBeCloseTo(observed, DIGITS);
      expect(bins[index]!.interval[0]).toBeCloseTo(interval[0], DIGITS);
      expect(bins[index]!.interval[1]).toBeCloseTo(interval[1], DIGITS);
    }
    expect(expectedCalibrationError(bins)).toBeCloseTo(calibration.ece, DIGITS);
  });

  test("Brier score, its decomposition and log loss", () => {
    const parts = brierDecomposition(predictions, outcomes, options);
    expect(parts.brier).toBeCloseTo(calibration.brier, DIGITS);
    expect(parts.reliability).toBeCloseTo(calibration.reliability, DIGITS);
    expect(parts.resolution).toBeCloseTo(calibration.resolution, DIGITS);
    expect(parts.uncertainty).toBeCloseTo(calibration.uncertainty, DIGITS);
    expect(logLoss(predictions, outcomes)).toBeCloseTo(calibration.logLoss, DIGITS);
    expect(brierScore(predictions, fractional)).toBeCloseTo(calibration.brierFractional, DIGITS);
  });

  test.each([["binary", outcomes] as const, ["fractional", fractional] as const])(
    "the decomposition adds up exactly for %s outcomes and either binning",
    (_, observed) => {
      for (const binning of ["equal-width", "equal-mass"] as const) {
        const parts = brierDecomposition(predictions, observed, { binning, bins: 7 });
        expect(parts.reliability - parts.resolution + parts.uncertainty + parts.withinBin).toBeCloseTo(
          parts.brier,
          12,
        );
      }
    },
  );

  test("equal mass: even bins, equal predictions together, order of no account", () => {
    expect([...assignBins([0.9, 0.1, 0.2, 0.8], "equal-mass", 2)]).toEqual([1, 0, 0, 1]);
    expect([...assignBins([0.5, 0.5, 0.5, 0.9], "equal-mass", 4)]).toEqual([0, 0, 0, 3]);
    const bins = reliabilityBins(predictions, outcomes, { binning: "equal-mass", bins: 8 });
    const turned = reliabilityBins(predictions.toReversed(), outcomes.toReversed(), {
      binning: "equal-mass",
      bins: 8,
    });
    expect(turned.map(({ count }) => count)).toEqual(bins.map(({ count }) => count));
    for (const { count } of bins) expect(count).toBeGreaterThan(20);
    for (const [index, bin] of bins.slice(1).entries()) expect(bin.low).toBeGreaterThan(bins[index]!.high);
  });

  test("outcomes of one prompt count once in the interval", () => {
    const groups = predictions.map((_, index) => Math.floor(index / 4));
    const apart = reliabilityBins(predictions, outcomes, { binning: "equal-mass", bins: 1 })[0]!;
    const grouped = reliabilityBins(predictions, outcomes, { binning: "equal-mass", bins: 1, groups })[0]!;
    expect(grouped.count).toBe(240);
    expect(grouped.interval).toEqual(wilsonInterval(grouped.observed, 60));
    expect(grouped.interval[1] - grouped.interval[0]).toBeGreaterThan(apart.interval[1] - apart.interval[0]);
  });

  test("a prediction that is no probability is refused by place", () => {
    expect(() => assignBins([0.2, 1.3], "equal-width", 5)).toThrow("prediction 1 is 1.3");
    expect(() => assignBins([Number.NaN], "equal-mass", 5)).toThrow("expected a number in [0, 1]");
  });

  test("certain and wrong costs much, not infinitely much", () => {
    expect(logLoss([1], [0])).toBeCloseTo(-Math.log(1e-15), 0);
    expect(logLoss([0.5, 0.5], [1, 0])).toBeCloseTo(Math.LN2, 12);
  });
});

describe("cost-quality curves", () => {
  const points = hull.points.map(([cost, quality]) => ({ cost, quality }));

  test("the non-decreasing hull is scipy's", () => {
    expect(nonDecreasingHull(points).map(({ cost, quality }) => [cost, quality])).toEqual(hull.hull);
  });

  test.each(hull.ranges)("AIQ over costs from $low to $high", ({ low, high, aiq }) => {
    expect(averageImprovementInQuality(points, { low, high })).toBeCloseTo(aiq, DIGITS);
  });

  test("by hand: a corner below the chord is passed over, quality is linear in between and flat after", () => {
    const [a, b, c, d] = [
      { cost: 1, quality: 0 },
      { cost: 2, quality: 3 },
      { cost: 3, quality: 10 },
      { cost: 4, quality: 8 },
    ];
    const corners = nonDecreasingHull([d!, c!, b!, a!]);
    expect(corners).toEqual([a, c]);
    expect(qualityAtCost(corners, 2)).toBe(5);
    expect(qualityAtCost(corners, 1)).toBe(0);
    expect(qualityAtCost(corners, 9)).toBe(10);
    expect(qualityAtCost(corners, 0.5)).toBeUndefined();
    expect(paretoFront([a!, b!, c!, d!])).toEqual([a, b, c]);
    // Triangle over [1, 3] and rectangle over [3, 4], of a range of 4.
    expect(averageImprovementInQuality([a!, b!, c!, d!], { low: 0, high: 4 })).toBe((10 + 10) / 4);
    expect(() => averageImprovementInQuality([a!], { low: 2, high: 2 })).toThrow("not empty");
  });

  test("PerfGain, CostSave and ParetoDist by hand", () => {
    const single = { cost: 10, quality: 50 };
    const own = [
      { cost: 4, quality: 49 },
      { cost: 8, quality: 51 },
      { cost: 12, quality: 52 },
    ];
    expect(performanceGain(own, single)).toBeCloseTo(0.04, 12);
    expect(costSaving(own, single)).toBeCloseTo(0.2, 12);
    expect(costSaving([own[0]!], single)).toBeUndefined();
    expect(costSaving([own[2]!], single)).toBeCloseTo(-0.2, 12);
    expect(paretoDistance(own, [...own, single])).toBe(0);
    // Scales 8 and 3; from (10, 50) the nearest point of the front is (8, 51).
    expect(paretoDistance([single], [...own, single])).toBeCloseTo(Math.hypot(2 / 8, 1 / 3), 12);
  });

  test("a sweep over lambda goes from quality alone to the cheapest", () => {
    const scores = [Float64Array.of(0.9, 0.5), Float64Array.of(0.6, 0.5), Float64Array.of(0.2, 0.5)];
    const costs = [Float64Array.of(10, 1), Float64Array.of(10, 1), Float64Array.of(10, 1)];
    const quality = [Float64Array.of(100, 0), Float64Array.of(0, 0), Float64Array.of(0, 100)];
    const weights = Float64Array.of(0.5, 0.25, 0.25);
    const curve = sweepLambda(scores, costs, { quality, costs, weights });
    expect(curve[0]).toMatchObject({ cost: 7.75, quality: 75, setting: 0 });
    expect(curve.at(-1)).toMatchObject({ cost: 1, quality: 25 });
    // Between the two changes at 0.1 / 9 and 0.4 / 9 only the first prompt is worth the dear model.
    expect(curve).toContainEqual(expect.objectContaining({ cost: 5.5, quality: 75 }));
    expect(curve.map(({ cost }) => cost)).toEqual(curve.map(({ cost }) => cost).sort((a, b) => b - a));
    expect(operatingPoint([1, 1, 1], { quality, costs, weights })).toEqual({ cost: 1, quality: 25 });
    expect(chooseAtLambda(Float64Array.of(1, 1), Float64Array.of(2, 1), 0)).toBe(1);
    expect(chooseAtLambda(Float64Array.of(Number.NEGATIVE_INFINITY, 1), Float64Array.of(0, 1), 1)).toBe(1);
  });
});

describe("a strong and a weak model", () => {
  test("RouteLLM's ten quantiles, APGR and CPT", () => {
    const curve = strongShareCurve(pair.preference, pair);
    const [weak, strong] = [mean(pair.weak), mean(pair.strong)];
    expect(curve.map(({ strongShare }) => strongShare)).toEqual(pair.shares);
    for (const [index, { quality }] of curve.entries())
      expect(quality).toBeCloseTo(pair.quality[index]!, DIGITS);
    expect(averagePerformanceGapRecovered(curve, weak, strong)).toBeCloseTo(pair.apgr, DIGITS);
    for (const level of [0.5, 0.8])
      expect(callPerformanceThreshold(curve, weak, strong, level)).toBeCloseTo(
        pair.cpt[String(level)]!,
        DIGITS,
      );
    expect(callPerformanceThreshold(curve, weak, strong, 9)).toBeUndefined();
    expect(callPerformanceThreshold(curve, weak, strong, 0)).toBeCloseTo(0, 12);
  });

  test("random routing, as a straight line, has 0.5 and reaches every level at its own share", () => {
    const line = Array.from({ length: 11 }, (_, index) => ({
      strongShare: index / 10,
      quality: 60 + 2 * index,
    }));
    expect(averagePerformanceGapRecovered(line, 60, 80)).toBeCloseTo(0.5, 12);
    expect(callPerformanceThreshold(line, 60, 80, 0.75)).toBeCloseTo(0.75, 12);
    expect(() => averagePerformanceGapRecovered(line, 60, 60)).toThrow("two different models");
  });

  const scoresOf = (side: PairFixture["strong"], scale: number): Float64Array =>
    Float64Array.from([...side], (value) => scale * Number(value));

  describe.each(Object.entries(routellm))("RouteLLM's %s", (name, fixture) => {
    const scale = name === "mt-bench" ? 1 : 100;
    const strong = scoresOf(fixture.strong, scale);
    const weak = scoresOf(fixture.weak, scale);
    const { expected } = fixture;
    const gain = strong.map((score, index) => score - weak[index]!);

    test("quality of both models and of the better of each prompt", () => {
      expect(strong).toHaveLength(expected.used);
      expect(mean(strong)).toBeCloseTo(expected.strong, 9);
      expect(mean(weak)).toBeCloseTo(expected.weak, 9);
      expect(mean(strong.map((score, index) => Math.max(score, weak[index]!)))).toBeCloseTo(
        expected.best_of_both,
        9,
      );
    });

    // Deciles cut through a prompt where the number of prompts is no multiple of ten; the figures differ in how.
    test("the best order that must use the strong model, and its APGR", () => {
      const curve = evenShareCurve(gain, { strong, weak }, 10);
      for (const [index, { quality }] of curve.entries())
        expect(Math.abs(quality - expected.forced_oracle_curve_deciles[index]!)).toBeLessThan(
          (0.51 * Math.max(...gain)) / gain.length + 1e-6,
        );
      const apgr = averagePerformanceGapRecovered(curve, mean(weak), mean(strong));
      expect(Math.abs(apgr - expected.forced_oracle_apgr)).toBeLessThan(name === "mt-bench" ? 0.02 : 5e-4);
    });

    test("APGR of the recorded oracle curves", () => {
      for (const [curve, apgr] of [
        [expected.oracle_curve_deciles, expected.oracle_apgr],
        [expected.forced_oracle_curve_deciles, expected.forced_oracle_apgr],
      ] as const) {
        const points = curve.map((quality, index) => ({ strongShare: index / 10, quality }));
        expect(averagePerformanceGapRecovered(points, expected.weak, expected.strong)).toBeCloseTo(apgr, 6);
      }
    });
  });

  test.each(Object.entries(oracleOrder))(
    "%s: APGR and CPT of the oracle's order at 101 shares",
    (name, [apgr, cpt50, cpt80]) => {
      const strong = scoresOf(routellm[name]!.strong, 100);
      const weak = scoresOf(routellm[name]!.weak, 100);
      const curve = evenShareCurve(
        strong.map((score, index) => score - weak[index]!),
        { strong, weak },
        100,
      );
      const models = [mean(weak), mean(strong)] as const;
      expect(averagePerformanceGapRecovered(curve, ...models)).toBeCloseTo(apgr, 2);
      // Those figures name the first whole per cent that reaches the level.
      const percent = (level: number): number =>
        Math.ceil(100 * callPerformanceThreshold(curve, ...models, level)! - 1e-9);
      expect([percent(0.5), percent(0.8)]).toEqual([cpt50, cpt80]);
    },
  );
});

describe("RouterArena", () => {
  // Accuracy in %, dollars for 1,000 queries, score: leaderboard of June 2026, inputs rounded as published.
  test.each([
    [76.0, 0.11, 75.4],
    [76.4, 0.18, 75.2],
    [74.7, 0.13, 74.1],
    [74.9, 0.29, 73.3],
    [76.3, 0.94, 72.8],
    [75.5, 1.0, 72.1],
    [72.8, 0.22, 71.9],
    [71.2, 0.06, 71.6],
  ])("%d per cent at %d dollars a thousand", (accuracy, cost, score) => {
    expect(Math.abs(100 * arenaScore(accuracy / 100, cost) - score)).toBeLessThan(0.11);
  });

  test("the anchor to the printed digit, and prices beyond the scale", () => {
    expect((100 * arenaScore(0.76, 0.11)).toFixed(1)).toBe("75.4");
    expect(arenaScore(0.8, 500)).toBe(0);
    expect(arenaScore(0, 0.1)).toBe(0);
    expect(arenaScore(0.7, 0)).toBe(arenaScore(0.7, 0.0044));
  });

  const ARENA = join(import.meta.dirname, "../../../../shared/data/routellm/routerarena.jsonl.gz");
  test.skipIf(!existsSync(ARENA))("two single models on the public split (needs the data pack)", async () => {
    const { records, candidates } = await readJudgedRecords([ARENA]);
    const figures = candidates.map((name) => {
      const answers = records.map((record) => record.candidates[name]!);
      return [mean(answers.map(({ score }) => score)), 1000 * mean(answers.map(({ cost }) => Number(cost)))];
    });
    const [haiku, gemini] = figures as [[number, number], [number, number]];
    expect([(100 * haiku[0]).toFixed(2), haiku[1].toFixed(3)]).toEqual(["52.34", "0.176"]);
    expect([(100 * gemini[0]).toFixed(2), gemini[1].toFixed(3)]).toEqual(["69.01", "0.047"]);
    expect((100 * arenaScore(...gemini)).toFixed(1)).toBe("69.7");
  });
});
