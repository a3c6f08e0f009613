/** Validation by generation and judge: the model in training answers prompts, and its answers are judged. */
import {
  openDataFiles,
  type PromptRow,
  type ResponseRow,
  readDataFiles,
  responseKey,
} from "../../judged/index.ts";
import type { Parameters } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { type AnswerSettings, type GreedyAnswer, greedyAnswers } from "./greedy-answers.ts";
import type { LanguageModel } from "./language-model.ts";
import { fileFacts } from "./prepared-run.ts";
import type { Score, Scored } from "./run-training.ts";

/** What scores an answer: every judge of single answers does. */
export interface AnswerJudge {
  readonly name: string;
  readonly version: string;
  /** Verdicts at once that have a use. @default any number */
  readonly maxConcurrency?: number | undefined;
  /** Whether a prompt has what the judge needs. @default every prompt has */
  canJudge?(prompt: PromptRow): boolean;
  /** The score is higher for better answers, and null where no verdict was reached. */
  judge(prompt: PromptRow, response: ResponseRow): Promise<{ readonly score: number | null }>;
}

export interface JudgedScore extends Score {
  readonly prompts: number;
  /** Prompts without what the judge needs. */
  readonly leftOut: number;
}

/** Files of `tutti data`'s formats, of which the prompts are taken, each once. */
async function readQuestions(paths: readonly string[]): Promise<PromptRow[]> {
  const prompts = new Map<string, PromptRow>();
  for await (const group of readDataFiles(await openDataFiles(paths))) {
    for (const prompt of group.prompts) prompts.set(prompt.key, prompt);
  }
  return [...prompts.values()];
}

/**
 * The mean score of greedy answers to the prompts of files. Figures: `judged/score`, `judged/tokens` (mean length of an answer),
 * `judged/cut` (share of answers that were as long as they may be), and `judged/unjudged` (share without a verdict, which are not
 * in the mean).
 *
 * @throws {TuttiError} as `openDataFiles` and `readDataFiles`; DATASET_INVALID when no prompt has what the judge needs. When
 *   measured: as `greedyAnswers` and the judge; JUDGE_INVALID when no answer got a verdict
 */
export async function judgedScore(
  base: LanguageModel,
  paths: readonly string[],
  judge: AnswerJudge,
  settings: AnswerSettings,
): Promise<JudgedScore> {
  const all = await readQuestions(paths);
  const prompts = all.filter((prompt) => judge.canJudge?.(prompt) ?? true);
  if (prompts.length === 0) {
    throw new TuttiError(
      "DATASET_INVALID",
      `${paths.join(", ")}: none of ${all.length} prompts has what the judge ${judge.name} needs`,
      {
        details: { paths },
        hint: "docs/judges.md says which member of a prompt's reference each judge reads",
      },
    );
  }
  const facts = {
    judge: `${judge.name}@${judge.version}`,
    prompts: prompts.length,
    files: await fileFacts(paths),
    maxTokens: settings.maxTokens,
  };
  return {
    facts,
    prompts: prompts.length,
    leftOut: all.length - prompts.length,
    async measure(parameters: Parameters): Promise<Scored> {
      const answers = await greedyAnswers(base, parameters, prompts, settings);
      return summary(answers, await scoresOf(judge, prompts, answers, settings.maxTokens));
    },
  };
}

const AT_ONCE = 16;

async function scoresOf(
  judge: AnswerJudge,
  prompts: readonly PromptRow[],
  answers: readonly GreedyAnswer[],
  maxTokens: number,
): Promise<(number | null)[]> {
  const atOnce = Math.min(AT_ONCE, judge.maxConcurrency ?? AT_ONCE);
  const scores: (number | null)[] = [];
  for (let start = 0; start < prompts.length; start += atOnce) {
    const verdicts = prompts.slice(start, start + atOnce).map(async (prompt, index) => {
      const response = responseOf(prompt, answers[start + index]!, maxTokens);
      return (await judge.judge(prompt, response)).score;
    });
    scores.push(...(await Promise.all(verdicts)));
  }
  return scores;
}

function summary(answers: readonly GreedyAnswer[], scores: readonly (number | null)[]): Scored {
  const judged = scores.filter((score) => score !== null);
  if (judged.length === 0) {
    throw new TuttiError(
      "JUDGE_INVALID",
      `the judge reached no verdict on any of ${answers.length} answers`,
      {
        hint: "judge an answer to these prompts with `tutti judge`, which keeps the judge's explanations",
      },
    );
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const score = mean(judged);
  return {
    score,
    figures: {
      "judged/score": score,
      "judged/tokens": mean(answers.map(({ tokens }) => tokens)),
      "judged/cut": mean(answers.map(({ isCut }) => Number(isCut))),
      "judged/unjudged": 1 - judged.length / scores.length,
    },
  };
}

const IN_TRAINING = "in-training";

/** The answer as judges read it. */
function responseOf(
  { key: promptKey, createdAt }: PromptRow,
  { text, isCut }: GreedyAnswer,
  maxTokens: number,
): ResponseRow {
  const identity = {
    ...{ promptKey, model: IN_TRAINING, modelRevision: IN_TRAINING, template: IN_TRAINING },
    ...{ parameters: { temperature: 0, max_tokens: maxTokens }, seedIndex: 0 },
  };
  const status = isCut ? "truncated" : text.trim() === "" ? "empty" : "ok";
  return { key: responseKey(identity), ...identity, text, status, source: IN_TRAINING, createdAt };
}
