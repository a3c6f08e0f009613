import { describe, expect, it } from "vitest";
import type { JudgedRecord } from "../judged/record.ts";
import {
  absoluteScores,
  benchmarkRanges,
  candidateScores,
  minMax,
  normaliseWithinPrompt,
  relativeLabels,
  routingTargets,
} from "./labels.ts";

const CANDIDATES = ["a", "b", "c"];

function record(id: string, benchmark: string, scores: readonly number[]): JudgedRecord {
  return {
    id,
    benchmark,
    prompt: id,
    candidates: Object.fromEntries(
      CANDIDATES.map((name, index) => [name, { response: "", score: scores[index]! }]),
    ),
  };
}

const row = (...values: number[]) => Float64Array.from(values);

describe("normalisation", () => {
  it("maps a range to [0, 1], clamps what lies outside and gives zeros for an empty range", () => {
    expect(minMax(row(2, 4, 9), { min: 2, max: 6 })).toEqual(row(0, 0.5, 1));
    expect(minMax(row(3, 3), { min: 3, max: 3 })).toEqual(row(0, 0));
  });

  it("within a prompt is not changed by an affine map of the benchmark", () => {
    const scores = row(-6, 2, 4);
    expect(normaliseWithinPrompt(scores)).toEqual(row(0, 0.8, 1));
    const shifted = normaliseWithinPrompt(scores.map((score) => (score + 6) / 16));
    for (const [index, value] of shifted.entries()) {
      expect(value).toBeCloseTo([0, 0.8, 1][index]!, 12);
    }
  });
});

describe("relativeLabels", () => {
  it("marks the top fifth of the prompt's range, the boundary included", () => {
    expect(relativeLabels(row(-6, 2, 4))).toEqual(row(0, 1, 1));
    expect(relativeLabels(row(0.1, 0.33, 0.4))).toEqual(row(0, 0, 1));
    // (0.9 - 0.1) / (1.1 - 0.1) rounds below 0.8.
    expect(relativeLabels(row(0.1, 0.9, 1.1))).toEqual(row(0, 1, 1));
  });

  it("marks every candidate of a tie", () => {
    expect(relativeLabels(row(0, 0, 0))).toEqual(row(1, 1, 1));
    expect(relativeLabels(row(7, 7, 7))).toEqual(row(1, 1, 1));
  });
});

describe("absoluteScores", () => {
  it("keeps scores of a unit scale, even where every answer is right", () => {
    expect(absoluteScores(row(1, 1, 1), { min: 1, max: 1 })).toEqual(row(1, 1, 1));
    expect(absoluteScores(row(0.25, 0.5, 1), { min: 0.25, max: 1 })).toEqual(row(0.25, 0.5, 1));
  });

  it("normalises other scales over the benchmark", () => {
    expect(absoluteScores(row(1, 5.5, 10), { min: 1, max: 10 })).toEqual(row(0, 0.5, 1));
  });
});

describe("routingTargets", () => {
  const records = [
    record("r1", "judge", [-6, 0, 6]),
    record("r2", "judge", [0, 0, 0]),
    record("r3", "exact", [0, 1, 1]),
    record("r4", "exact", [1, 1, 1]),
  ];

  it("uses each benchmark's own range", () => {
    expect(Object.fromEntries(benchmarkRanges(records, CANDIDATES))).toEqual({
      judge: { min: -6, max: 6 },
      exact: { min: 0, max: 1 },
    });
    expect(routingTargets(records, CANDIDATES)).toEqual([
      { recordId: "r1", relative: row(0, 0, 1), absolute: row(0, 0.5, 1), normalised: row(0, 0.5, 1) },
      { recordId: "r2", relative: row(1, 1, 1), absolute: row(0.5, 0.5, 0.5), normalised: row(0, 0, 0) },
      { recordId: "r3", relative: row(0, 1, 1), absolute: row(0, 1, 1), normalised: row(0, 1, 1) },
      { recordId: "r4", relative: row(1, 1, 1), absolute: row(1, 1, 1), normalised: row(0, 0, 0) },
    ]);
  });

  it("thresholds absolute targets and reuses training ranges", () => {
    const ranges = new Map([["judge", { min: -12, max: 12 }]]);
    const [target] = routingTargets([records[0]!], CANDIDATES, { ranges, absoluteThreshold: 0.5 });
    expect(target!.absolute).toEqual(row(0, 1, 1));
  });

  it("names the record, candidate and benchmark that are wrong", () => {
    expect(() => candidateScores(records[0]!, ["a", "d"])).toThrow(/record "r1": candidates has no "d"/);
    expect(() => candidateScores(records[0]!, ["constructor"])).toThrow(/has no "constructor"/);
    expect(() => routingTargets([record("r5", "judge", [0, Number.NaN, 1])], CANDIDATES)).toThrow(
      /record "r5": candidates.b.score is NaN/,
    );
    expect(() =>
      routingTargets([record("r6", "other", [0, 1, 1])], CANDIDATES, { ranges: new Map() }),
    ).toThrow(/record "r6": no score range for benchmark "other"/);
  });
});
