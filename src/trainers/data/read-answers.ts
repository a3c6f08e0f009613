/** Data files as what trainers learn from: conversations, pairs, single answers with a verdict. */
import { type JudgedPair, pairsOf, SOURCE_CHOSEN, withSources } from "../../judged/formats/entry.ts";
import {
  type ChatMessage,
  groupEntries,
  openDataFiles,
  type PromptEntry,
  type ReadOptions,
  type ResponseRow,
  readDataFiles,
} from "../../judged/index.ts";
import { fieldError, type RecordPlace } from "../../judged/place.ts";
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
  /** By how much the first answer is better, where the data say it in a column of that name. */
  readonly margin?: number;
}

/**
 * - `answers`: every answer that is not another's loser or labelled as bad, to imitate
 * - `pairs`: chosen and rejected answers
 * - `triples`: the source models' best answer, then a chosen and a rejected one
 * - `verdicts`: answers by themselves, good and bad: both of every pair, and those labelled desirable or undesirable
 * - `scores`: every answer with its score
 */
export type AnswerUse = "answers" | "pairs" | "triples" | "verdicts" | "scores";

/** An answer or pair that is not learned from. */
export interface DroppedAnswer {
  readonly id: string;
  /** Such as `blank`, `refusal`, `tie`, `worse`, `unscored`, `source_chosen`. */
  readonly reason: string;
}

export interface ReadAnswers {
  readonly answered: readonly AnsweredPrompt[];
  readonly dropped: readonly DroppedAnswer[];
}

type Answered = Omit<AnsweredPrompt, "id">;
type Drop = (reason: string) => void;

/** Errors, refusals, what a filter cut off and blank texts are no answers to learn from. */
function obstacle({ status, text }: ResponseRow): string | undefined {
  if (status !== "ok" && status !== "truncated") return status;
  return text.trim() === "" ? "blank" : undefined;
}

function isLearnable(response: ResponseRow, drop: Drop): boolean {
  const reason = obstacle(response);
  if (reason !== undefined) drop(reason);
  return reason === undefined;
}

function learnablePairs(entry: PromptEntry, drop: Drop): JudgedPair[] {
  for (const { rivalKey, score } of entry.judgements) {
    if (rivalKey !== undefined && (score === null || score === 0.5))
      drop(score === null ? "unjudged" : "tie");
  }
  return pairsOf(entry, {}).filter(({ chosen, rejected }) => {
    const reason = obstacle(chosen) ?? obstacle(rejected);
    if (reason !== undefined) drop(reason);
    return reason === undefined;
  });
}

/** Pairs of one model's answers; those of a source model's are for the triples that they belong to. */
function ownPairs(entry: PromptEntry, drop: Drop): JudgedPair[] {
  return learnablePairs(entry, drop).filter(({ judgement: { verdict } }) => {
    if (verdict === SOURCE_CHOSEN) drop(SOURCE_CHOSEN);
    return verdict !== SOURCE_CHOSEN;
  });
}

/** Verdicts of data whose answers are labelled one by one, as TRL's unpaired preferences. */
const LABELS: Readonly<Record<string, boolean>> = { desirable: true, undesirable: false };

const isLabelled = ({ rivalKey, verdict }: PromptEntry["judgements"][number]): boolean =>
  rivalKey === undefined && Object.hasOwn(LABELS, verdict);

function imitated(entry: PromptEntry, drop: Drop): Answered[] {
  const bad = new Set([
    ...pairsOf(entry, {}).map(({ rejected }) => rejected.key),
    ...entry.judgements
      .filter((judgement) => isLabelled(judgement) && !LABELS[judgement.verdict])
      .map(({ responseKey }) => responseKey),
  ]);
  return entry.responses
    .filter((response) => {
      if (!isLearnable(response, drop)) return false;
      if (bad.has(response.key)) drop("worse");
      return !bad.has(response.key);
    })
    .map(({ text }) => ({ messages: entry.prompt.messages, answers: [text] }));
}

function preferred(entry: PromptEntry, drop: Drop): Answered[] {
  const margin = entry.prompt.extra?.margin;
  return ownPairs(entry, drop).map(({ chosen, rejected }) => ({
    messages: entry.prompt.messages,
    answers: [chosen.text, rejected.text],
    ...(typeof margin === "number" && { margin }),
  }));
}

function weighted(entry: PromptEntry, drop: Drop, place: RecordPlace): Answered[] {
  return withSources(pairsOf(entry, {})).flatMap(({ chosen, rejected, source }): Answered[] => {
    if (source === undefined) {
      throw fieldError(place, {
        field: SOURCE_CHOSEN,
        received: "nothing",
        expected: "the best answer of the source models, beside chosen and rejected",
        hint: "give every row a source_chosen, or train on the pairs with another loss than wrpo",
      });
    }
    const reason = obstacle(source) ?? obstacle(chosen) ?? obstacle(rejected);
    if (reason !== undefined) drop(reason);
    const answers = [source.text, chosen.text, rejected.text];
    return reason === undefined ? [{ messages: entry.prompt.messages, answers }] : [];
  });
}

function labelled(entry: PromptEntry, drop: Drop): Answered[] {
  const { messages } = entry.prompt;
  const ofPairs = ownPairs(entry, drop).flatMap(({ chosen, rejected }) => [
    { messages, answers: [chosen.text], isDesirable: true },
    { messages, answers: [rejected.text], isDesirable: false },
  ]);
  const answers = new Map(entry.responses.map((response) => [response.key, response]));
  const alone = entry.judgements.filter(isLabelled).flatMap(({ responseKey, verdict }): Answered[] => {
    const answer = answers.get(responseKey);
    if (!answer || !isLearnable(answer, drop)) return [];
    return [{ messages, answers: [answer.text], isDesirable: LABELS[verdict]! }];
  });
  return [...ofPairs, ...alone];
}

function scored({ prompt: { messages }, responses, judgements }: PromptEntry, drop: Drop): Answered[] {
  const scoreOf = new Map(
    judgements.flatMap(({ responseKey, rivalKey, score }) =>
      rivalKey === undefined && score !== null ? [[responseKey, score] as const] : [],
    ),
  );
  return responses.flatMap((response) => {
    if (!isLearnable(response, drop)) return [];
    const score = scoreOf.get(response.key);
    if (score === undefined) drop("unscored");
    return score === undefined ? [] : [{ messages, answers: [response.text], score }];
  });
}

type Reader = (entry: PromptEntry, drop: Drop, place: RecordPlace) => Answered[];

const READERS: Readonly<Record<AnswerUse, Reader>> = {
  answers: imitated,
  pairs: preferred,
  triples: weighted,
  verdicts: labelled,
  scores: scored,
};

const EXPECTED: Readonly<Record<AnswerUse, string>> = {
  answers: "conversations that end with the assistant, or answers to prompts",
  pairs: "chosen and rejected answers",
  triples: "source_chosen, chosen and rejected answers",
  verdicts: "chosen and rejected answers, or answers labelled as good or bad",
  scores: "answers with scores",
};

/**
 * Reads files as `tutti data` knows them, of which each row holds prompt and answers together. Ids are those of the rows,
 * `file:line`. A tie is no pair and has no loser. Answers that failed, were filtered or refused, or are blank are left out.
 * What is left out is told with its reason.
 *
 * @throws {TuttiError} as `openDataFiles` and `readDataFiles`; DATASET_INVALID when no row has what is asked for; RECORD_INVALID
 *   for a pair without the third answer of a triple
 */
export async function readAnswers(
  paths: readonly string[],
  use: AnswerUse,
  options: ReadOptions = {},
): Promise<ReadAnswers> {
  const answered: AnsweredPrompt[] = [];
  const dropped: DroppedAnswer[] = [];
  const files = await openDataFiles(paths, options);
  for await (const group of readDataFiles(files, options)) {
    const { file, line } = group.place;
    const id = `${file}:${line}`;
    const drop = (reason: string): void => void dropped.push({ id, reason });
    for (const entry of groupEntries(group)) {
      for (const found of READERS[use](entry, drop, group.place)) answered.push({ id, ...found });
    }
  }
  if (answered.length > 0) return { answered, dropped };
  const formats = files.map(({ path, format }) => `${path} (${format.name})`).join(", ");
  throw new TuttiError("DATASET_INVALID", `${formats}: no row holds ${EXPECTED[use]}`, {
    details: { paths },
    hint: "import files that hold prompts, answers and judgements apart; `tutti data sft` and `tutti data pairs` write what is asked for",
  });
}
