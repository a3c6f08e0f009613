import { expect, test } from "vitest";
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { evaluateRouters } from "./evaluate.ts";
import { evaluateRuns } from "./evaluate-runs.ts";

const candidates = ["a", "b"];
const records: JudgedRecord[] = Array.from({ length: 40 }, (_, index) => ({
  id: `r${index}`,
  benchmark: index % 2 ? "B" : "C",
  prompt: `prompt ${index}`,
  candidates: {
    a: { response: "x", score: index % 3 ? 1 : 0 },
    b: { response: "y", score: index % 5 ? 0 : 1 },
  },
}));
const [first, second] = [0, 1].map((shift) => Int32Array.from(records, (_, index) => (index + shift) % 2));
const same = Int32Array.from(records, () => 0);

test("a router of one run scores as in evaluateRouters, several runs as their mean", () => {
  const single = evaluateRouters({
    records,
    candidates,
    choices: { first: first!, second: second!, same },
    bootstrapSamples: 50,
    comparisons: [{ router: "first", baseline: "same" }],
  });
  const runs = evaluateRuns({
    records,
    candidates,
    runs: { first: [first!], both: [first!, second!], same: [same] },
    bootstrapSamples: 50,
    comparisons: [
      { router: "first", baseline: "same" },
      { router: "both", baseline: "same" },
    ],
  });
  expect(runs.mean.first!.normalised).toBeCloseTo(single.mean.first!.normalised, 10);
  for (const end of [0, 1]) {
    expect(runs.mean.first!.interval[end]).toBeCloseTo(single.mean.first!.interval[end]!, 10);
    expect(runs.differences[0]!.interval[end]).toBeCloseTo(single.differences[0]!.interval[end]!, 10);
  }
  const mean = (single.mean.first!.normalised + single.mean.second!.normalised) / 2;
  expect(runs.mean.both!.normalised).toBeCloseTo(mean, 10);
  expect(runs.differences[1]!.mean).toBeCloseTo(mean - single.mean.same!.normalised, 10);
});

test("choices that do not fit are refused", () => {
  const wrong: readonly (readonly Int32Array[])[] = [[], [Int32Array.of(0)], [same.map(() => 2)]];
  for (const runs of wrong) {
    expect(() => evaluateRuns({ records, candidates, runs: { wrong: runs } })).toThrow(TuttiError);
  }
  const comparisons = [{ router: "same", baseline: "nobody" }];
  expect(() => evaluateRuns({ records, candidates, runs: { same: [same] }, comparisons })).toThrow(
    /unknown routers: same and nobody/,
  );
});
