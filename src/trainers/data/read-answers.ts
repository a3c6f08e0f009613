/** Data files of any format as what trainers learn from: conversations, pairs, single answers with a verdict. */
import {
  type ChatMessage,
  openDataFiles,
  type PromptRow,
  type ReadOptions,
  type RowGroup,
  readDataFiles,
} from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";

/** A conversation and answers to it. */
export interface AnsweredPrompt {
  readonly id: string;
  readonly messages: readonly ChatMessage[];
  readonly answers: readonly string[];
  /** Whether the answer is a good one. */
  readonly isDesirable?: boolean;
  /** What the answer is worth, where the data say it. */
  readonly score?: number;
}

/**
 * - `answers`: every answer that is not another's loser, to imitate
 * - `pairs`: chosen and rejected answers
 * - `verdicts`: both answers of every pair by themselves, good and bad
 * - `scores`: every answer with its score
 */
export type AnswerUse = "answers" | "pairs" | "verdicts" | "scores";

interface Pair {
  readonly prompt: PromptRow;
  readonly chosen: string;
  readonly rejected: string;
}

function pairsOf({ prompts, responses, judgements }: RowGroup): Pair[] {
  const answers = new Map(responses.map((response) => [response.key, response]));
  return judgements.flatMap(({ responseKey, rivalKey, score }): Pair[] => {
    const [chosen, rejected] = [answers.get(responseKey), answers.get(rivalKey ?? "")];
    const prompt = prompts.find(({ key }) => key === chosen?.promptKey);
    const isPreferred = score !== null && score > 0;
    return chosen && rejected && prompt && isPreferred
      ? [{ prompt, chosen: chosen.text, rejected: rejected.text }]
      : [];
  });
}

function singlesOf({ prompts, responses, judgements }: RowGroup) {
  const scoreOf = new Map(
    judgements.flatMap(({ responseKey, rivalKey, score }) =>
      rivalKey === undefined && score !== null ? [[responseKey, score] as const] : [],
    ),
  );
  const losers = new Set(
    judgements.flatMap(({ rivalKey, score }) => (rivalKey && score !== 0 ? [rivalKey] : [])),
  );
  return responses.flatMap((response) => {
    const prompt = prompts.find(({ key }) => key === response.promptKey);
    const score = scoreOf.get(response.key);
    return prompt ? [{ prompt, text: response.text, isLoser: losers.has(response.key), score }] : [];
  });
}

function answeredPrompts(group: RowGroup, use: AnswerUse): Omit<AnsweredPrompt, "id">[] {
  if (use === "pairs") {
    return pairsOf(group).map(({ prompt, chosen, rejected }) => ({
      messages: prompt.messages,
      answers: [chosen, rejected],
    }));
  }
  if (use === "verdicts") {
    return pairsOf(group).flatMap(({ prompt: { messages }, chosen, rejected }) => [
      { messages, answers: [chosen], isDesirable: true },
      { messages, answers: [rejected], isDesirable: false },
    ]);
  }
  return singlesOf(group).flatMap(({ prompt: { messages }, text, isLoser, score }) => {
    if (use === "answers") return isLoser ? [] : [{ messages, answers: [text] }];
    return score === undefined ? [] : [{ messages, answers: [text], score }];
  });
}

const EXPECTED: Readonly<Record<AnswerUse, string>> = {
  answers: "conversations that end with the assistant, or answers to prompts",
  pairs: "chosen and rejected answers",
  verdicts: "chosen and rejected answers",
  scores: "answers with scores",
};

/**
 * Reads files as `tutti data` knows them. Ids are those of the prompts' rows, `file:line`.
 *
 * @throws {TuttiError} as `openDataFiles` and `readDataFiles`; DATASET_INVALID when no row has what is asked for
 */
export async function readAnswers(
  paths: readonly string[],
  use: AnswerUse,
  options: ReadOptions = {},
): Promise<AnsweredPrompt[]> {
  const found: AnsweredPrompt[] = [];
  const files = await openDataFiles(paths, options);
  for await (const group of readDataFiles(files, options)) {
    const { file, line } = group.place;
    for (const answered of answeredPrompts(group, use)) found.push({ id: `${file}:${line}`, ...answered });
  }
  if (found.length > 0) return found;
  const formats = files.map(({ path, format }) => `${path} (${format.name})`).join(", ");
  throw new TuttiError("DATASET_INVALID", `${formats}: no row holds ${EXPECTED[use]}`, {
    details: { paths },
    hint: "`tutti data sft` and `tutti data pairs` write such files",
  });
}
