import { describe, expect, test } from "vitest";
import type { JudgedRecord } from "../../judged/index.ts";
import { RandomStream } from "../../tensor/index.ts";
import { prepareMetric } from "./metrics.ts";
import { measureUtilityRules, utilityOf } from "./utilities.ts";

const random = new RandomStream({ seed: 4, stream: 0 });
const CANDIDATES = ["long", "short"];

/** The judge likes long answers; short ones are a little better at equal length. */
const alpaca: JudgedRecord[] = Array.from({ length: 400 }, (_, index) => {
  const reference = 800 + Math.round(200 * random.nextUniform());
  const answer = (length: number, merit: number) => {
    const p = 1 / (1 + Math.exp(-(merit + (length - reference) / 400)));
    return { response: "x".repeat(length), score: random.nextUniform() < p ? 0.95 : 0.05 };
  };
  return {
    id: `a${index}`,
    benchmark: "AlpacaEval",
    prompt: `p${index}`,
    reference_chars: reference,
    lc_difficulty: random.nextNormal() * 0.2,
    candidates: { long: answer(1500, -0.6), short: answer(500, 0.2) },
  };
});

const arena: JudgedRecord[] = Array.from({ length: 60 }, (_, index) => ({
  id: `h${index}`,
  benchmark: "ArenaHard",
  prompt: `h${index}`,
  candidates: Object.fromEntries(
    CANDIDATES.map((name) => {
      const weight = random.nextUniform() < 0.5 ? 2 : 6;
      return [name, { response: "", score: 0, win_points: weight * random.nextUniform(), weight }];
    }),
  ),
}));

const all = (n: number) => Int32Array.from({ length: n }, (_, index) => index);

/** Change of the metric per change of the mean utility when single prompts move to the other candidate. */
function slopes(records: readonly JudgedRecord[], start: number) {
  const metric = prepareMetric(records[0]!.benchmark, records, CANDIDATES);
  const rule = measureUtilityRules(records, CANDIDATES).get(records[0]!.benchmark)!;
  const choices = new Int32Array(records.length).fill(start);
  const before = metric(all(records.length), choices);
  const pairs = records.map((record, row) => {
    const moved = choices.slice();
    moved[row] = 1 - start;
    const gain =
      utilityOf(rule, record, CANDIDATES[1 - start]!) - utilityOf(rule, record, CANDIDATES[start]!);
    return { change: metric(all(records.length), moved) - before, gain };
  });
  return pairs;
}

function correlation(pairs: readonly { change: number; gain: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [changes, gains] = [pairs.map(({ change }) => change), pairs.map(({ gain }) => gain)];
  const [c, g] = [mean(changes), mean(gains)];
  const covariance = mean(pairs.map(({ change, gain }) => (change - c) * (gain - g)));
  const deviation = (values: readonly number[], m: number) =>
    Math.sqrt(mean(values.map((v) => (v - m) ** 2)));
  return covariance / (deviation(changes, c) * deviation(gains, g));
}

describe("utilities", () => {
  test("Arena-Hard: points minus weight times the pool's ratio is what a prompt adds to the weighted share", () => {
    expect(correlation(slopes(arena, 0))).toBeGreaterThan(0.99);
  });

  test("AlpacaEval: length is taken out, so that the metric and not the judge is followed", () => {
    const rule = measureUtilityRules(alpaca, CANDIDATES).get("AlpacaEval")!;
    expect(rule.kind).toBe("length-controlled");
    const mean = (read: (record: JudgedRecord) => number) =>
      alpaca.reduce((sum, record) => sum + read(record) / alpaca.length, 0);
    const raw = CANDIDATES.map((name) => mean((record) => record.candidates[name]!.score));
    const utility = CANDIDATES.map((name) => mean((record) => utilityOf(rule, record, name)));
    const metric = prepareMetric("AlpacaEval", alpaca, CANDIDATES);
    const native = CANDIDATES.map((_, column) =>
      metric(all(alpaca.length), new Int32Array(alpaca.length).fill(column)),
    );
    expect(raw[0]!).toBeGreaterThan(raw[1]!);
    expect(native[0]!).toBeLessThan(native[1]!);
    expect(utility[0]!).toBeLessThan(utility[1]!);
  });

  test("records without the metric's fields go by score; a record that lacks them later is refused", () => {
    const plain = alpaca.map(({ reference_chars: _, ...record }) => record as JudgedRecord);
    expect(measureUtilityRules(plain, CANDIDATES).get("AlpacaEval")).toEqual({ kind: "score" });
    const rule = measureUtilityRules(alpaca, CANDIDATES).get("AlpacaEval")!;
    expect(() => utilityOf(rule, plain[0]!, "long")).toThrow(/reference_chars is missing/);
  });
});
