/** Options of `tutti train sft` and `dpo` for evaluation by generation and judge, and what is told of it. */
import type { Command } from "commander";
import { type Judge, SHORT_FORMS } from "../judges/index.ts";
import type { LoraConfig } from "../nn/index.ts";
import { TuttiError } from "../support/errors.ts";
import { judgedScore, type LanguageModel, type Score, type Scored } from "../trainers/index.ts";
import { meansNothing, wholeNumber } from "./flags.ts";
import { say } from "./io.ts";
import { openJudgeWithoutPool } from "./judge-source.ts";
import { createProgress } from "./progress.ts";

export interface EvaluationFlags {
  readonly evalPrompts?: string[];
  readonly evalJudge?: string;
  readonly evalMaxTokens?: number;
  readonly threads: number;
}

const MAX_TOKENS = 256;
const JUDGES = SHORT_FORMS.filter((form) => !form.startsWith("model:"));

export function addEvaluationFlags(command: Command): Command {
  return command
    .option(
      "--eval-prompts <file...>",
      "prompts that the model answers on the way: the weights whose answers are judged best are kept, whatever --eval says",
    )
    .option("--eval-judge <name>", `who judges these answers: ${JUDGES.join(", ")}, or a judge.yaml`)
    .option(
      "--eval-max-tokens <n>",
      `of such an answer (default: ${MAX_TOKENS})`,
      wholeNumber("--eval-max-tokens", 1),
    );
}

/**
 * The judge that the flags name, which the caller closes.
 *
 * @throws {TuttiError} INVALID_ARGUMENT for a flag without those it belongs to; as `openJudgeWithoutPool`
 */
export async function evaluationJudge(flags: EvaluationFlags): Promise<Judge | undefined> {
  const { evalPrompts, evalJudge, evalMaxTokens } = flags;
  if (evalPrompts === undefined) {
    const hint = "leave it out, or name the prompts";
    if (evalJudge !== undefined) throw meansNothing("--eval-judge", "without --eval-prompts", hint);
    if (evalMaxTokens !== undefined) throw meansNothing("--eval-max-tokens", "without --eval-prompts", hint);
    return undefined;
  }
  if (evalJudge === undefined) {
    throw new TuttiError("INVALID_ARGUMENT", "--eval-prompts needs --eval-judge, received none", {
      hint: `name who judges the answers: ${JUDGES.join(", ")}, or a judge.yaml`,
    });
  }
  return await openJudgeWithoutPool(evalJudge);
}

/** @throws {TuttiError} as `judgedScore` */
export async function evaluationScore(
  { evalPrompts, evalMaxTokens, threads }: EvaluationFlags,
  base: LanguageModel,
  judge: Judge,
  adapter: LoraConfig | undefined,
): Promise<Score> {
  let progress: ReturnType<typeof createProgress> | undefined;
  const score = await judgedScore(base, evalPrompts!, judge, {
    maxTokens: evalMaxTokens ?? MAX_TOKENS,
    threads,
    ...(adapter && { adapter }),
    onAnswer: (done, total) => {
      progress ??= createProgress(process.stderr, { label: "answering", total, unit: "prompts" });
      progress.update(done);
      if (done === total) progress = undefined;
    },
  });
  say(`${score.prompts} prompts to answer, judged by ${String(score.facts.judge)}`);
  if (score.leftOut > 0) say(`left out: ${score.leftOut} prompts without what the judge needs`);
  return score;
}

/** What an evaluation came to. */
export function sayScore({ score, figures }: Scored, when: "before" | "during"): void {
  const share = (name: string, word: string): string =>
    figures[name] ? `, ${(100 * figures[name]).toFixed(0)} % ${word}` : "";
  const length = `${(figures["judged/tokens"] ?? 0).toFixed(1)} tokens an answer`;
  const rest = share("judged/cut", "cut") + share("judged/unjudged", "without verdict");
  say(`${when === "before" ? "before training" : "answers"}: judged ${score.toFixed(4)}, ${length}${rest}`);
}
