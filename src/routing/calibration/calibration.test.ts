/** Curves against scikit-learn, and what calibration promises of held-out prompts. */
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { expectAllClose, fixtureJson } from "../../../test/support/fixtures.ts";
import { type JudgedRecord, promptText, readJudgedRecords } from "../../judged/index.ts";
import { RandomStream } from "../../tensor/random.ts";
import { TfidfLsaEmbedder } from "../embedding/index.ts";
import { trainLengthModel } from "../length/index.ts";
import type { OutcomeRouter } from "../outcome.ts";
import { CalibratedRouter, calibrationErrors, checkHeldOut, fitCalibration } from "./index.ts";
import { fitIsotonic, isotonicValue } from "./isotonic.ts";
import { fitLogistic, plattTargets, sigmoid } from "./logistic.ts";

interface Curves {
  readonly scores: number[];
  readonly labels: number[];
  readonly queries: number[];
  readonly sigmoid: number[];
  readonly isotonic: number[];
}

describe("as scikit-learn fits", () => {
  const { scores, labels, queries, ...expected } = fixtureJson<Curves>("calibration/curves.json");
  it("Platt's sigmoid", () => {
    const { slope, intercept } = fitLogistic(scores, plattTargets(labels));
    const received = queries.map((query) => sigmoid(slope * query + intercept));
    expectAllClose(received, expected.sigmoid, { absolute: 1e-4, relative: 0 }, "sigmoid");
  });
  it("isotonic regression", () => {
    const curve = fitIsotonic(scores, labels);
    const received = queries.map((query) => isotonicValue(curve, query));
    expectAllClose(received, expected.isotonic, { absolute: 1e-12, relative: 0 }, "isotonic");
  });
});

function rows(count: number, seed: number) {
  const stream = new RandomStream({ seed, stream: 3 });
  const scores = Array.from({ length: count }, () =>
    Float64Array.of(stream.nextNormal(), stream.nextNormal()),
  );
  const truth = scores.map((row) => row.map((score) => sigmoid(2 * score + 1)));
  const qualities = truth.map((row) => row.map((p) => (stream.nextUniform() < p ? 1 : 0)));
  return { scores, truth, qualities, folds: Int32Array.from(scores, (_, index) => index % 5) };
}

test("recovers the truth behind scores, and keeps a shared curve where candidates do not differ", async () => {
  const { truth, ...data } = rows(800, 1);
  const fitted = fitCalibration(data);
  expect(fitted.method).toBe("platt");
  const inner = { name: "given", candidates: ["a", "b"], scores: async () => data.scores };
  const queries = data.scores.map((_, index) => ({ id: `${index}`, prompt: "" }));
  const outcomes = await new CalibratedRouter(inner, fitted).outcomes(queries);
  for (const [index, { quality }] of outcomes.entries()) {
    for (const c of [0, 1]) expect(Math.abs(quality[c]! - truth[index]![c]!)).toBeLessThan(0.06);
  }
  // On one sample the truth itself may score a little worse than an estimate of it.
  const best = calibrationErrors(truth, data.qualities).brier;
  expect(Math.abs(fitted.errors.platt.brier - best)).toBeLessThan(0.005);
});

test("expected tokens are those of the length model, inside the interval that it gives", async () => {
  const path = join(import.meta.dirname, "../../../assets/judged/mbpp.jsonl.gz");
  const { records, candidates } = await readJudgedRecords([path]);
  const prompts = records.map(({ prompt }) => promptText(prompt));
  const embedder = TfidfLsaEmbedder.fit(prompts, { dimension: 16 });
  const lengths = await trainLengthModel(records.slice(0, 120), candidates, embedder);
  const queries = prompts.slice(120, 140).map((prompt, index) => ({ id: `${index}`, prompt }));
  const row = Float64Array.from(candidates, () => 0.5);
  const assess = async () =>
    queries.map(() => ({ scores: row, estimate: { quality: row, completionTokens: row.map(() => 1e4) } }));
  // Expects lengths too, from heads of its own.
  const inner: OutcomeRouter = {
    name: "given",
    candidates,
    isCalibrated: false,
    scores: async () => queries.map(() => row),
    outcomes: async () => (await assess()).map(({ estimate }) => estimate),
    assess,
  };
  const calibration = {
    weights: { score: 1, easiness: 0 },
    curves: candidates.map(() => ({ kind: "logistic" as const, slope: 1, intercept: 0 })),
  };
  const expected = await lengths.predict(queries.map(({ prompt }) => prompt));
  const outcomes = await new CalibratedRouter(inner, calibration, { lengths }).outcomes(queries);
  for (const [index, { completionTokens }] of outcomes.entries()) {
    expect(completionTokens).toEqual(expected[index]!.mean);
    for (const c of candidates.keys()) {
      expect(completionTokens![c]).toBeGreaterThan(expected[index]!.low[c]!);
      expect(completionTokens![c]).toBeLessThan(expected[index]!.high[c]!);
    }
  }
  const [alone] = await new CalibratedRouter(inner, calibration).outcomes(queries);
  expect(alone!.completionTokens![0]).toBe(1e4);
});

describe("easiness", () => {
  /** Every quality of a prompt depends on how easy the prompt is; what the router says is noise around it. */
  const easyAndHard = (count: number, sign: number) => {
    const stream = new RandomStream({ seed: 5, stream: 3 });
    const easiness = Float64Array.from({ length: count }, () => 2 * stream.nextNormal());
    const scores = Array.from({ length: count }, () => {
      return Float64Array.of(stream.nextNormal(), stream.nextNormal());
    });
    const qualities = scores.map((row, index) =>
      row.map((score) => (stream.nextUniform() < sigmoid(score + sign * easiness[index]!) ? 1 : 0)),
    );
    return { scores, easiness, qualities, folds: Int32Array.from(scores, (_, index) => index % 5) };
  };
  it("has its weight where it tells of quality", () => {
    const { weights } = fitCalibration(easyAndHard(600, 1));
    expect(weights.easiness / weights.score).toBeCloseTo(1, 0);
  });
  it("has none where it misleads, or where a few prompts cannot tell", () => {
    expect(fitCalibration(easyAndHard(600, -1)).weights).toEqual({ score: 1, easiness: 0 });
    expect(fitCalibration({ ...easyAndHard(600, 0) }).weights).toEqual({ score: 1, easiness: 0 });
  });
});

test("a few rows stay finite and inside [0, 1]", () => {
  for (const curve of fitCalibration(rows(10, 2)).curves) {
    expect(curve).toMatchObject({ kind: "logistic", slope: expect.any(Number) });
  }
  expect(() => fitCalibration(rows(9, 2))).toThrow(expect.objectContaining({ code: "DATASET_INVALID" }));
});

test("a prompt that was trained on is refused, whatever its case and punctuation", () => {
  const record = (id: string, prompt: string): JudgedRecord => ({
    id,
    benchmark: "b",
    prompt,
    candidates: {},
  });
  expect(() => checkHeldOut([record("1", "What is 1 + 1?")], [record("2", "what is 1 1")])).toThrow(
    expect.objectContaining({ code: "DATASET_INVALID", details: { recordId: "2" } }),
  );
  expect(() => checkHeldOut([record("1", "One")], [record("2", "Two")])).not.toThrow();
});
