import { describe, expect, test } from "vitest";
import type { JudgedRecord } from "../../judged/record.ts";
import { lengthControlledWinRate } from "../../statistics/length-controlled.ts";
import { TuttiError } from "../../support/errors.ts";
import { RandomStream } from "../../tensor/random.ts";
import type { Router, RoutingQuery } from "../router.ts";
import { chooseAll } from "./choose.ts";
import { evaluateRouters } from "./evaluate.ts";
import { formatEvaluationTable } from "./table.ts";

const candidates = ["a", "b"];

function record(id: string, benchmark: string, a: number, b: number): JudgedRecord {
  return {
    id,
    benchmark,
    prompt: `prompt ${id}`,
    candidates: { a: { response: "x", score: a }, b: { response: "y", score: b } },
  };
}

const records = [
  record("1", "B", 1, 0),
  record("2", "B", 0, 1),
  record("3", "B", 1, 1),
  record("4", "B", 1, 0),
];

test("native, normalised, shares and choices by hand", () => {
  const evaluation = evaluateRouters({
    records,
    candidates,
    choices: { "always a": Int32Array.of(0, 0, 0, 0), mixed: Int32Array.of(0, 1, 0, 1) },
    comparisons: [{ router: "mixed", baseline: "always a" }],
    bootstrapSamples: 50,
  });
  // a is right on 3 of 4, b on 2 of 4: random is 62.5; the oracle is always right
  const { n, routers } = evaluation.benchmarks.B!;
  expect(n).toBe(4);
  expect(routers["always a"]!.native).toBe(75);
  expect(routers["always a"]!.normalised).toBeCloseTo((100 * 12.5) / 37.5, 10);
  expect(routers.oracle!.normalised).toBe(100);
  expect(routers.mixed!.shares).toEqual({ a: 0.5, b: 0.5 });
  expect(routers.mixed!.choices).toEqual({ 1: "a", 2: "b", 3: "a", 4: "b" });
  expect(evaluation.differences[0]!.mean).toBeCloseTo(0, 10);
});

test("resamples are seeded and shared: a router differs from its copy by exactly nothing", () => {
  const many = Array.from({ length: 60 }, (_, index) =>
    record(`r${index}`, index % 2 ? "B" : "C", index % 3 ? 1 : 0, index % 5 ? 0 : 1),
  );
  const choice = Int32Array.from(many, (_, index) => index % 2);
  const input = {
    records: many,
    candidates,
    choices: { x: choice, copy: choice.slice(), a: new Int32Array(60) },
    comparisons: [
      { router: "x", baseline: "copy" },
      { router: "x", baseline: "a" },
    ],
    bootstrapSamples: 200,
    seed: 5,
  };
  const evaluation = evaluateRouters(input);
  expect(evaluation.differences[0]).toMatchObject({ mean: 0, interval: [0, 0] });
  expect(evaluation).toEqual(evaluateRouters(input));
  expect(evaluateRouters({ ...input, seed: 6 }).mean.x!.interval).not.toEqual(evaluation.mean.x!.interval);
  for (const { normalised, interval } of Object.values(evaluation.mean)) {
    expect(interval[0]).toBeLessThanOrEqual(normalised + 1e-9);
    expect(interval[1]).toBeGreaterThanOrEqual(normalised - 1e-9);
  }
  const table = formatEvaluationTable(evaluation);
  expect(table).toContain("x - copy");
  expect(Math.max(...table.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(120);
});

describe("the length-controlled win rate", () => {
  const stream = new RandomStream({ seed: 3, stream: 1 });
  const n = 80;
  const inputs = {
    winProbabilities: Float64Array.from({ length: n }, () => stream.nextUniform()),
    lengthDifferences: Float64Array.from({ length: n }, () => Math.round(2000 * stream.nextNormal())),
    difficulties: Float64Array.from({ length: n }, () => stream.nextNormal()),
  };

  /** The objective of the definition, maximised without Newton: coordinate search with shrinking steps. */
  function bruteForce(): number {
    const { winProbabilities: y, lengthDifferences: D, difficulties: d } = inputs;
    const meanD = D.reduce((sum, value) => sum + value, 0) / n;
    const s = Math.sqrt(D.reduce((sum, value) => sum + (value - meanD) ** 2, 0) / (n - 1));
    const meanDifficulty = d.reduce((sum, value) => sum + value, 0) / n;
    const v = d.reduce((sum, value) => sum + (value - meanDifficulty) ** 2, 0) / n;
    const p = ([a, b, c]: number[], index: number): number =>
      1 / (1 + Math.exp(-(a! * Math.tanh(D[index]! / s) + b! * d[index]! + c!)));
    const objective = (w: number[]): number =>
      y.reduce(
        (sum, value, index) => sum + value * Math.log(p(w, index)) + (1 - value) * Math.log(1 - p(w, index)),
        0,
      ) -
      0.5 * (14.49 * (w[0]! + 1.6) ** 2 + 32.2 * v * (w[1]! - 0.76) ** 2);
    let w = [0, 0, 0];
    for (let step = 1; step > 1e-9; ) {
      const moves = [0, 1, 2].flatMap((axis) =>
        [-step, step].map((by) => w.map((value, index) => (index === axis ? value + by : value))),
      );
      const best = moves.reduce((x, z) => (objective(z) > objective(x) ? z : x));
      if (objective(best) > objective(w)) w = best;
      else step /= 2;
    }
    return (
      (100 * d.reduce((sum, difficulty) => sum + 1 / (1 + Math.exp(-(w[1]! * difficulty + w[2]!))), 0)) / n
    );
  }

  test("equals the maximum found by plain search", () => {
    expect(lengthControlledWinRate(inputs)).toBeCloseTo(bruteForce(), 5);
  });

  test("a longer answer of equal quality wins less than its raw rate says", () => {
    const longer = {
      ...inputs,
      winProbabilities: new Float64Array(n).fill(0.6),
      lengthDifferences: inputs.lengthDifferences.map((_, index) => -1500 - 10 * index),
    };
    expect(lengthControlledWinRate(longer)).toBeLessThan(60);
  });
});

describe("choosing", () => {
  const seen: RoutingQuery[] = [];
  const router = (readsDomain: boolean): Router => ({
    name: "longest",
    candidates: ["b", "a"],
    readsDomain,
    scores: async (queries) => {
      seen.push(...queries);
      return queries.map(() => Float64Array.of(1, 0));
    },
  });

  test("a router sees ids and prompts only, and its own candidate order is respected", async () => {
    seen.length = 0;
    expect([...(await chooseAll(router(false), records, candidates))]).toEqual([1, 1, 1, 1]);
    expect(seen[0]).toEqual({ id: "1", prompt: "prompt 1" });
    seen.length = 0;
    await chooseAll(router(true), records, candidates);
    expect(seen[0]).toEqual({ id: "1", prompt: "prompt 1", domain: "B" });
  });

  test("a router that may choose an unknown model is refused", async () => {
    await expect(chooseAll(router(false), records, ["a"])).rejects.toSatisfy(
      (error) => TuttiError.is(error) && error.code === "UNKNOWN_CANDIDATE" && error.message.includes("b"),
    );
  });
});
