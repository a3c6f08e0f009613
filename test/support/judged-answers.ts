/** Answers to one prompt, judged as a test says. */
import type { GroupedAnswer, JudgedGroup } from "../../src/judged/select/index.ts";

export function answer(
  key: string,
  source: string,
  score: number | null,
  more: Partial<GroupedAnswer> = {},
): GroupedAnswer {
  return {
    key,
    source,
    text: `text ${key}`,
    status: "ok",
    score,
    isCorrect: null,
    finalAnswer: null,
    ...more,
  };
}

export const group = (...answers: GroupedAnswer[]): JudgedGroup => ({
  promptKey: "p",
  id: "one",
  domain: "maths",
  messages: [
    { role: "system", content: "be brief" },
    { role: "user", content: "1+1?" },
    { role: "assistant", content: "2" },
    { role: "user", content: "2+2?" },
  ],
  answers,
});
