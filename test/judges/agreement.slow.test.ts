import { expect, test } from "vitest";
import { gradedResponses } from "../../bench/judge-work.ts";
import type { PromptRow, ResponseRow } from "../../src/judged/index.ts";
import { createMathematicsJudge } from "../../src/judges/index.ts";

test("the mathematics judge agrees with the recorded correctness of GSM8K and MATH", async () => {
  const judge = createMathematicsJudge();
  const sets = { GSM8k: { count: 0, agreed: 0 }, MATH: { count: 0, agreed: 0 } };
  for (const item of await gradedResponses()) {
    const { id, benchmark, question, reference, response, recorded } = item;
    const prompt = { id, messages: [{ role: "user", content: question }], reference: { answer: reference } };
    const { score } = await judge.judge(
      prompt as unknown as PromptRow,
      { text: response } as unknown as ResponseRow,
    );
    const set = sets[benchmark as keyof typeof sets];
    set.count++;
    if ((score === 1) === recorded) set.agreed++;
  }
  expect(sets.GSM8k.count).toBe(4560);
  expect(sets.MATH.count).toBe(17_405);
  expect(sets.GSM8k.agreed / sets.GSM8k.count).toBeGreaterThanOrEqual(0.995);
  expect(sets.MATH.agreed / sets.MATH.count).toBeGreaterThanOrEqual(0.98);
}, 300_000);
