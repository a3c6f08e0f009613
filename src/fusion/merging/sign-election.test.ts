import { expect, test } from "vitest";
import { mergeAgreeing } from "./sign-election.ts";

test("weights that cancel divide by nothing, though rounding leaves some of them", () => {
  // In float64, 0.3 - 0.1 - 0.2 is not zero.
  const weights = [0.3, -0.1, -0.2];
  expect(weights.reduce((sum, weight) => sum + weight, 0)).not.toBe(0);
  const merged = new Float32Array(2);
  const deltas = [Float32Array.of(1, 1), Float32Array.of(0.5, 1), Float32Array.of(0.25, 1)];
  mergeAgreeing(
    new Float32Array(2),
    deltas,
    { votes: [1, 1, 1], weights, isNormalised: true, scale: 1 },
    merged,
  );
  expect(merged[0]).toBeCloseTo(0.3 - 0.05 - 0.05, 6);
  expect(merged[1]).toBeCloseTo(0, 6);
});
