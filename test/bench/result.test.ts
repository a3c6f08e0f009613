/** What the benchmark runner makes of its rounds. */
import { expect, test } from "vitest";
import {
  type Measured,
  median,
  noisyOf,
  peakOf,
  productSubject,
  ratiosOf,
  resultLines,
  resultsOf,
} from "../../bench/result.ts";
import type { Benchmark, Product } from "../../bench/subject.ts";

const subject = (name: string) => ({ name, runtime: "node" as const, script: "", args: [] });
const SMALL: Product = [10, 100, 1000];
const LARGE: Product = [1000, 1000, 1000];
const BENCHMARK: Benchmark = {
  name: "step",
  unit: "seconds per step",
  subjects: [{ ...subject("ours"), executedFlopsPerUnit: 10e9 }, subject("peer"), subject("absent")],
  ratios: [
    ["ours", "peer"],
    ["ours", "absent"],
  ],
  throughput: { flopsPerUnit: 8e9, products: [SMALL, LARGE] },
};
const measured = (...rounds: number[]): Measured => ({ rounds, peakRssBytes: 5e8, figures: {} });
const MEASURED = new Map([
  ["ours", { ...measured(0.2, 0.1, 0.11), figures: { padding: 0.125 } }],
  ["peer", measured(0.2, 0.25)],
  [productSubject(SMALL).name, measured(0.00002)],
  [productSubject(LARGE).name, measured(0.02, 0.01, 0.018)],
]);

test("the median of an even number is between the middle two", () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
});

test("the peak is the product with the highest rate by median", () => {
  const peak = peakOf(BENCHMARK.throughput!.products, MEASURED)!;
  expect(peak.product).toBe("1000x1000x1000");
  expect(peak.gflopsPerSecond).toBeCloseTo(2e9 / 0.018 / 1e9, 9);
  expect(peak.products["10x100x1000"]?.gflopsPerSecond).toBeCloseTo(100, 9);
  expect(peakOf([], MEASURED)).toBeUndefined();
  expect(peakOf([LARGE], new Map())).toBeUndefined();
});

test("throughput, share of the peak, ratios, and what is absent", () => {
  const peak = peakOf([SMALL], MEASURED);
  const results = resultsOf(BENCHMARK, MEASURED, peak);
  expect(Object.keys(results)).toEqual(["ours", "peer"]);
  const ours = results.ours!;
  expect([ours.median, ours.min, ours.max]).toEqual([0.11, 0.1, 0.2]);
  expect(ours.gflopsPerSecond).toBeCloseTo(8 / 0.11, 9);
  expect(ours.shareOfPeak).toBeCloseTo(8 / 0.11 / 100, 9);
  expect(ours.executedShareOfPeak).toBeCloseTo(10 / 0.11 / 100, 9);
  expect(results.peer?.executedGflopsPerSecond).toBeUndefined();
  expect(ratiosOf(BENCHMARK, results)).toEqual({ ours_over_peer: 0.11 / 0.225 });
  expect(resultsOf(BENCHMARK, MEASURED, undefined).ours?.shareOfPeak).toBeUndefined();
});

test("subjects whose rounds differ by more than half are named", () => {
  expect(noisyOf(MEASURED)).toEqual(["ours", productSubject(LARGE).name]);
});

test("a line a subject, with what it said of itself below", () => {
  const lines = resultLines(resultsOf(BENCHMARK, MEASURED, peakOf([SMALL], MEASURED)));
  expect(lines).toEqual([
    "ours             0.110 seconds per step  [0.100, 0.200]  0.50 GB peak  72.7 GFLOP/s (73 % of the product peak)" +
      "  90.9 GFLOP/s with recomputation (91 % of the product peak)",
    "                 padding 0.125",
    "peer             0.225 seconds per step  [0.200, 0.250]  0.50 GB peak  35.6 GFLOP/s (36 % of the product peak)",
  ]);
});

test("cells of all rounds have medians and ranges; a cell that a round lacks is left out", () => {
  const cells = [
    { p50: 3, p99: 9 },
    { p50: 1, p99: 7, stray: 1 },
    { p50: 2, p99: 11 },
  ];
  const results = resultsOf(BENCHMARK, new Map([["peer", { ...measured(3, 1, 2), cells }]]), undefined);
  expect(results.peer!.cells).toEqual({
    p50: { median: 2, min: 1, max: 3 },
    p99: { median: 9, min: 7, max: 11 },
  });
  expect(resultLines(results).join("\n")).toMatch(/p99 +9\.000 {2}\[7\.000, 11\.000\]/);
});
