/** From a router's score to expected quality: the curves that calibration fits, as they are stored. */
import { z } from "zod";
import { isotonicValue } from "./isotonic.ts";
import { sigmoid } from "./logistic.ts";

const logisticSchema = z.strictObject({
  kind: z.literal("logistic"),
  slope: z.number().nonnegative(),
  intercept: z.number(),
});

const isotonicSchema = z
  .strictObject({
    kind: z.literal("isotonic"),
    scores: z.array(z.number()).min(1),
    values: z.array(z.number().min(0).max(1)).min(1),
  })
  .refine(({ scores, values }) => scores.length === values.length, "scores and values differ in length")
  .refine(({ scores }) => scores.every((score, at) => at === 0 || score > scores[at - 1]!), {
    path: ["scores"],
    message: "expected rising scores",
  })
  .refine(({ values }) => values.every((value, at) => at === 0 || value >= values[at - 1]!), {
    path: ["values"],
    message: "expected values that never fall",
  });

/** Quality = sigmoid(slope score + intercept), or a rising piecewise linear function of the score. */
export const curveSchema = z.union([logisticSchema, isotonicSchema]);

export type CalibrationCurve = z.infer<typeof curveSchema>;

/** Expected quality in [0, 1]; never falls as the score rises. */
export function calibratedQuality(curve: CalibrationCurve, score: number): number {
  if (curve.kind === "isotonic") return isotonicValue(curve, score);
  return sigmoid(curve.slope * score + curve.intercept);
}
