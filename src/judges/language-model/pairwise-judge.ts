/** A language model that compares two answers, in both orders unless told otherwise. */
import type { Json, PromptRow, ResponseRow } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { JudgeOptions, PairJudge, PairVerdict } from "../judge.ts";
import {
  askForVerdict,
  type JudgingModel,
  judgeVersion,
  mostSpentOn,
  questionText,
  type Reply,
} from "./ask.ts";
import { referenceText } from "./reference.ts";
import { asksForReference, checkRubric, fillRubric, type Rubric } from "./rubric.ts";

export interface PairwiseJudgeOptions {
  /** Whether the answers are shown in both orders. @default true */
  readonly isSwapped?: boolean;
}

/** One showing of both answers. Outcome is the share of the win of the first answer given to `compare`, whatever the order shown. */
interface Game {
  readonly order: "given" | "swapped";
  readonly label: string | null;
  readonly outcome: number | null;
  readonly weight: number;
  readonly reply: Reply;
}

const never = new AbortController().signal;

function gameOf(order: Game["order"], reply: Reply): Game {
  const { verdict } = reply;
  if (verdict.kind !== "choice") return { order, label: null, outcome: null, weight: 0, reply };
  const outcome = order === "given" ? verdict.outcome : 1 - verdict.outcome;
  return { order, label: verdict.label, outcome, weight: verdict.weight, reply };
}

/** JSON of a game, for explanations and for the bias report. */
function shownGame({ order, label, outcome, reply }: Game): Json {
  const { verdict, texts, labelMass } = reply;
  return {
    order,
    label,
    outcome,
    replies: texts,
    ...(verdict.kind === "unreadable" && { problem: verdict.problem }),
    ...(verdict.kind === "choice" && verdict.reason !== undefined && { reason: verdict.reason }),
    ...(verdict.kind === "choice" && verdict.isRepaired && { repaired: true }),
    ...(labelMass !== undefined && { labelMass }),
  };
}

/** In a word, from the first answer's side. */
function wordFor(score: number, games: readonly Game[]): string {
  const sides = new Set(games.map(({ outcome }) => Math.sign((outcome ?? 0.5) - 0.5)));
  if (sides.has(1) && sides.has(-1)) return "inconsistent";
  return score > 0.5 ? "first" : score < 0.5 ? "second" : "tie";
}

/**
 * Score: the weighted mean of the games' outcomes, 1 where the first answer wins both. Verdicts: `first`, `second`, `tie`,
 * `inconsistent` (each order favoured another answer), or `no_verdict` without a score where a reply could not be read: one
 * game alone would bring the bias of its position. The explanation holds the games.
 *
 * @throws {TuttiError} JUDGE_INVALID when the rubric is not pairwise or its parts do not fit
 */
export function createPairwiseJudge(
  model: JudgingModel,
  rubric: Rubric,
  { isSwapped = true }: PairwiseJudgeOptions = {},
): PairJudge {
  checkRubric(rubric);
  if (rubric.kind !== "pairwise") {
    throw new TuttiError(
      "JUDGE_INVALID",
      `rubric "${rubric.name}": received a ${rubric.kind} rubric, expected a pairwise one`,
    );
  }
  const orders = isSwapped ? (["given", "swapped"] as const) : (["given"] as const);
  const filledFor = (order: Game["order"], prompt: PromptRow, texts: readonly [string, string]): string =>
    fillRubric(rubric, {
      question: questionText(prompt.messages),
      answer_a: order === "given" ? texts[0] : texts[1],
      answer_b: order === "given" ? texts[1] : texts[0],
      reference: referenceText(prompt),
    });
  return {
    name: `${model.name}/${rubric.name}`,
    version: `${judgeVersion(model, rubric)}${isSwapped ? "" : "-one-order"}`,
    maxConcurrency: model.maxConcurrency,
    canJudge: (prompt) => !asksForReference(rubric) || referenceText(prompt) !== undefined,
    mostSpent: (prompt, [first, second]) =>
      mostSpentOn(
        model,
        rubric,
        orders.map((order) => filledFor(order, prompt, [first!.text, second!.text])),
      ),
    async compare(
      prompt: PromptRow,
      first: ResponseRow,
      second: ResponseRow,
      { signal = never }: JudgeOptions = {},
    ): Promise<PairVerdict> {
      const texts = [first.text, second.text] as const;
      const games = await Promise.all(
        orders.map(async (order) =>
          gameOf(order, await askForVerdict(model, rubric, filledFor(order, prompt, texts), signal)),
        ),
      );
      return verdictOf(games);
    },
  };
}

function verdictOf(games: readonly Game[]): PairVerdict {
  const costs = games.map(({ reply }) => reply.costUsd).filter((cost) => cost !== undefined);
  const cost = {
    tokens: games.reduce((sum, { reply }) => sum + reply.tokens, 0),
    ...(costs.length > 0 && { costUsd: costs.reduce((sum, each) => sum + each, 0) }),
  };
  const explanation = { games: games.map(shownGame) };
  if (games.some(({ outcome }) => outcome === null)) {
    return { score: null, verdict: "no_verdict", explanation, ...cost };
  }
  const weight = games.reduce((sum, game) => sum + game.weight, 0);
  const score = games.reduce((sum, game) => sum + game.weight * game.outcome!, 0) / weight;
  return { score, verdict: wordFor(score, games), explanation, ...cost };
}
