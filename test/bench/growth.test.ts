import { expect, test } from "vitest";
import { growthExponent, trainingRows } from "../../bench/training-work.ts";

test("the exponent of a power is that power, whatever its factor", () => {
  const powers = [0.5, 1, 2.25];
  for (const power of powers) {
    const points = [1e3, 1e4, 1e5].map((x) => [x, 7 * x ** power] as const);
    expect(growthExponent(points)).toBeCloseTo(power, 10);
  }
});

test("rows beyond the data are new prompts with as many scores", async () => {
  const { records, candidates } = await trainingRows({ prompts: 9_000, candidates: 12 });
  expect(candidates).toHaveLength(12);
  expect(new Set(records.map(({ prompt }) => JSON.stringify(prompt))).size).toBeGreaterThan(8_500);
  const scores = records.flatMap((record) => candidates.map((name) => record.candidates[name]!.score));
  expect(scores).toHaveLength(9_000 * 12);
  expect(scores.every(Number.isFinite)).toBe(true);
});
