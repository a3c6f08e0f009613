/** Explanations speak of the decision that was made. */
import { expect, test } from "vitest";
import { decideWithInput } from "../gateway/index.ts";
import { CalibratedRouter } from "../routing/calibration/index.ts";
import { alternatives } from "./decision-alternatives.ts";
import { explanationText } from "./explanation-text.ts";

const scored = {
  name: "scored",
  candidates: ["first", "second"],
  scores: async () => [Float64Array.of(0.6, 0.5)],
};

/** Expects 0.27 and 0.73 of the two where the curves turn the scores' order around, 0.73 and 0.27 where they keep it. */
async function explain(intercepts: readonly [number, number], policy?: { choose: "best-quality" }) {
  const curves = intercepts.map((intercept) => ({ kind: "logistic" as const, slope: 0, intercept }));
  const router = new CalibratedRouter(scored, { weights: { score: 1, easiness: 0 }, curves });
  const { decision, input } = await decideWithInput(router, "What is 2 + 2?", undefined, { policy });
  const explanation = {
    ...decision,
    answerTokens: {},
    nearestTrainingPrompts: [],
    whatWouldChange: [],
    ...alternatives(decision.model, policy, input),
  };
  return { ...explanation, text: explanationText(explanation) };
}

test("without a policy, where expected quality would choose another model, that is said and nothing of that decision", async () => {
  const { model, byExpectedQuality, whatWouldChange, text } = await explain([-1, 1]);
  expect(model).toBe("first");
  expect(byExpectedQuality).toMatchObject({ model: "second" });
  expect(whatWouldChange).toEqual([]);
  expect(text).toContain(
    "no policy is set, so the scores decided; expected quality alone would choose second: second has the best expected quality (0.731), ahead of first (0.269)",
  );
  expect(text).not.toContain("what would change the decision");
});

test("without a policy, where expected quality agrees, its changes are those of the decision", async () => {
  const { model, byExpectedQuality, whatWouldChange, text } = await explain([1, -1]);
  expect(model).toBe("first");
  expect(byExpectedQuality).toBeUndefined();
  // No bar rules out the best, and nothing is known of costs and speeds.
  expect(whatWouldChange).toEqual([]);
  expect(text).not.toContain("no policy is set");
});

test("under a policy the policy's own decision is explained", async () => {
  const { model, byExpectedQuality } = await explain([-1, 1], { choose: "best-quality" });
  expect(model).toBe("second");
  expect(byExpectedQuality).toBeUndefined();
});
