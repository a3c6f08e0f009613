import { expect, test } from "vitest";
import type { CalibrationFile } from "./calibration-file.ts";
import type { CalibrationCurve } from "./curve.ts";
import { withCalibratedCandidate, withoutCalibratedCandidate } from "./grow-calibration.ts";

const errors = { brier: 0.2, logLoss: 0.6 };
const curve = (slope: number): CalibrationCurve => ({ kind: "logistic", slope, intercept: 0 });
const router = (method: "platt" | "isotonic", a: number, b: number) => ({
  method,
  errors: { temperature: errors, platt: errors, "platt-per-candidate": errors, isotonic: errors },
  weights: { score: 1, easiness: 0 },
  curves: { a: curve(a), b: curve(b) },
});
const content: CalibrationFile = {
  format: "tutti-calibration-1",
  candidates: ["a", "b"],
  heldOutPrompts: 20,
  meanQuality: errors,
  routers: { knn: router("platt", 2, 2), ridge: router("isotonic", 2, 3) },
};

test("a shared curve serves a new candidate, curves per candidate do not", () => {
  const { content: grown, lost } = withCalibratedCandidate(content, "c");
  expect(grown.candidates).toEqual(["a", "b", "c"]);
  expect(Object.keys(grown.routers)).toEqual(["knn"]);
  expect(grown.routers.knn!.curves).toEqual({ a: curve(2), b: curve(2), c: curve(2) });
  expect(lost).toEqual(["ridge"]);
  expect(content.candidates).toEqual(["a", "b"]);
});

test("dropping a candidate keeps the curves of the others", () => {
  const shrunk = withoutCalibratedCandidate(content, "a");
  expect(shrunk.candidates).toEqual(["b"]);
  expect(shrunk.routers.knn!.curves).toEqual({ b: curve(2) });
  expect(shrunk.routers.ridge!.curves).toEqual({ b: curve(3) });
  const { knn } = withCalibratedCandidate(content, "c").content.routers;
  const restored = withoutCalibratedCandidate(withCalibratedCandidate(content, "c").content, "c");
  expect(knn).toBeDefined();
  expect(restored.routers.knn).toEqual(content.routers.knn);
});
