/** Tutti's mathematics judge over a file of graded responses. */
import { readFileSync } from "node:fs";
import type { PromptRow, ResponseRow } from "../../src/judged/index.ts";
import { createMathematicsJudge } from "../../src/judges/index.ts";
import type { GradedResponse } from "../judge-work.ts";
import { answerRounds } from "./answer-rounds.ts";

const responses = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as readonly GradedResponse[];
const judge = createMathematicsJudge();

async function judgeAll(): Promise<{ readonly seconds: number; readonly agreement: number }> {
  let agreed = 0;
  const started = performance.now();
  for (const { id, question, reference, response, recorded } of responses) {
    const prompt = { id, messages: [{ role: "user", content: question }], reference: { answer: reference } };
    const { score } = await judge.judge(
      prompt as unknown as PromptRow,
      { text: response } as unknown as ResponseRow,
    );
    if ((score === 1) === recorded) agreed++;
  }
  const seconds = (performance.now() - started) / responses.length; // ms per response = s per 1000
  return { seconds, agreement: agreed / responses.length };
}

const { agreement } = await judgeAll();
await answerRounds({ agreement, responses: responses.length }, async () => (await judgeAll()).seconds);
