/** A language model that grades one answer at a time. */
import type { PromptRow, ResponseRow } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Judge, JudgeOptions, Verdict } from "../judge.ts";
import { askForVerdict, type JudgingModel, judgeVersion, mostSpentOn, questionText } from "./ask.ts";
import { referenceText } from "./reference.ts";
import { asksForReference, checkRubric, fillRubric, type Rubric } from "./rubric.ts";

const never = new AbortController().signal;

/**
 * Verdicts: `rated`, with the grade on the rubric's scale as score, or `no_verdict` without a score where the model's reply
 * could not be read. The explanation holds what the model wrote.
 *
 * @throws {TuttiError} JUDGE_INVALID when the rubric is not pointwise or its parts do not fit
 */
export function createPointwiseJudge(model: JudgingModel, rubric: Rubric): Judge {
  checkRubric(rubric);
  if (rubric.kind !== "pointwise") {
    throw new TuttiError(
      "JUDGE_INVALID",
      `rubric "${rubric.name}": received a ${rubric.kind} rubric, expected a pointwise one`,
    );
  }
  const filledFor = (prompt: PromptRow, response: ResponseRow): string =>
    fillRubric(rubric, {
      question: questionText(prompt.messages),
      answer: response.text,
      reference: referenceText(prompt),
    });
  return {
    name: `${model.name}/${rubric.name}`,
    version: judgeVersion(model, rubric),
    maxConcurrency: model.maxConcurrency,
    canJudge: (prompt) => !asksForReference(rubric) || referenceText(prompt) !== undefined,
    mostSpent: (prompt, [response]) => mostSpentOn(model, rubric, [filledFor(prompt, response!)]),
    async judge(
      prompt: PromptRow,
      response: ResponseRow,
      { signal = never }: JudgeOptions = {},
    ): Promise<Verdict> {
      const reply = await askForVerdict(model, rubric, filledFor(prompt, response), signal);
      const { verdict, texts, costUsd, tokens } = reply;
      const cost = { tokens, ...(costUsd !== undefined && { costUsd }) };
      if (verdict.kind !== "rating") {
        const problem = verdict.kind === "unreadable" ? verdict.problem : "the reply compares";
        return { score: null, verdict: "no_verdict", explanation: { problem, replies: texts }, ...cost };
      }
      const { rating, reason, isRepaired } = verdict;
      return {
        score: rating,
        verdict: "rated",
        explanation: {
          replies: texts,
          ...(reason !== undefined && { reason }),
          ...(isRepaired && { repaired: true }),
        },
        ...cost,
      };
    },
  };
}
