import { expect, test } from "vitest";
import type { JsonObject, PromptRow, ResponseRow } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { createMathematicsJudge, type MathematicsJudgeOptions } from "./mathematics-judge.ts";

const judged = (text: string, question: string, reference: JsonObject, options?: MathematicsJudgeOptions) =>
  createMathematicsJudge(options).judge(
    { id: "p1", messages: [{ role: "user", content: question }], reference } as unknown as PromptRow,
    { text } as ResponseRow,
  );

test("the explanation says what was extracted, how it was read and which rule decided", async () => {
  expect(await judged("So \\boxed{\\frac{10}{4} \\text{ cm}}.", "How long?", { answer: "2.5" })).toEqual({
    score: 1,
    verdict: "correct",
    explanation: {
      extracted: "\\frac{10}{4} \\text{ cm}",
      place: "boxed",
      reference: "2.5",
      normalised: { reference: "2.5", answer: "\\frac{10}{4} \\text{ cm}" },
      rule: "symbolic_exact",
      read: { reference: "number", answer: "quotient" },
      units: ["cm"],
    },
  });
});

test("verdicts: wrong, wrong form, no answer", async () => {
  const question = "Compute $68^2$. Put your final answer within \\boxed{}.";
  const reference = { answer: 4624 };
  expect(await judged("\\boxed{4623}", question, reference)).toMatchObject({ score: 0, verdict: "wrong" });
  expect(await judged("\\boxed{68^2}", question, reference)).toMatchObject({
    score: 0,
    verdict: "wrong_form",
    explanation: { problem: "not_worked_out" },
  });
  expect(await judged("\\boxed{68^2}", question, reference, { form: "any" })).toMatchObject({ score: 1 });
  expect(await judged("It must be 4624", question, reference)).toMatchObject({
    verdict: "no_answer",
    score: 0,
  });
  expect(await judged("It must be 4624", question, reference, { find: "anywhere" })).toMatchObject({
    score: 1,
  });
  expect(await judged("It must be 4624", "Compute $68^2$.", reference)).toMatchObject({ score: 1 });
});

test("a whole solution serves as reference", async () => {
  expect(await judged("\\boxed{18}", "How many?", { answer: "9 * 2 = 18\n#### 18" })).toMatchObject({
    score: 1,
  });
  expect(await judged("\\boxed{18}", "How many?", { answer: "Thus $\\boxed{18}$." })).toMatchObject({
    score: 1,
  });
});

test.each([[{}], [{ answer: "" }], [{ answer: null }], [{ answer: ["1"] }]] as JsonObject[][])(
  "a prompt with the reference %j is refused",
  async (reference) => {
    const error = await judged("\\boxed{1}", "How many?", reference!).catch((thrown: unknown) => thrown);
    expect(TuttiError.is(error) && error.code).toBe("JUDGE_INVALID");
    expect(String(error)).toContain('prompt "p1": reference.answer: received');
  },
);

test("options are part of the version", () => {
  expect(createMathematicsJudge().version).toBe("1");
  expect(createMathematicsJudge({ find: "stated", form: "any" }).version).toBe("1;find=stated;form=any");
});
