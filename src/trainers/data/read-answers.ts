/** Data files as what trainers learn from: conversations, pairs, single answers with a verdict. */
import { type JudgedPair, pairsOf, SOURCE_CHOSEN, withSources } from "../../judged/formats/entry.ts";
import {
  type ChatMessage,
  groupEntries,
  type JudgementRow,
  openDataFiles,
  type PromptEntry,
  type ReadOptions,
  type ResponseRow,
  readDataFiles,
} from "../../judged/index.ts";
import { fieldError, placeError, type RecordPlace } from "../../judged/place.ts";
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
  /** Whether answers to imitate have scores beside others to the same prompt, the worst of which are imitated too. */
  readonly hasRivals: boolean;
  readonly answered: readonly AnsweredPrompt[];
  readonly dropped: readonly DroppedAnswer[];
}

export interface AnswerSource {
  /** Whose verdicts and scores count. @default everyone's */
  readonly judge?: string;
  /** Of all files. @default told by each file's first row */
  readonly format?: string;
}

type Answered = Omit<AnsweredPrompt, "id">;
type Scores = ReadonlyMap<string, number>;
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

/** Of the row, as a number or, in formats that know only text, as its digits. */
function marginOf({ prompt }: PromptEntry, place: RecordPlace): number | undefined {
  const given = prompt.extra?.margin;
  if (given === undefined || given === null || given === "") return undefined;
  const margin = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
  if (typeof margin === "number" && Number.isFinite(margin)) return margin;
  throw fieldError(place, {
    field: "margin",
    received: JSON.stringify(given),
    expected: "a number",
    hint: "give the difference of the answers' scores, or leave the field out",
  });
}

function preferred(entry: PromptEntry, drop: Drop, place: RecordPlace): Answered[] {
  const margin = marginOf(entry, place);
  return ownPairs(entry, drop).map(({ chosen, rejected }) => ({
    messages: entry.prompt.messages,
    answers: [chosen.text, rejected.text],
    ...(margin !== undefined && { margin }),
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

/** @throws {TuttiError} DATASET_INVALID when an answer has scores by several judges */
function scoresOf({ judgements }: PromptEntry, place: RecordPlace): Scores {
  const found = new Map<string, JudgementRow>();
  for (const judgement of judgements) {
    const { responseKey, rivalKey, score, judge } = judgement;
    if (rivalKey !== undefined || score === null) continue;
    const other = found.get(responseKey);
    if (other !== undefined && other.judge !== judge) {
      const judges = [...new Set(judgements.map((one) => one.judge))];
      throw placeError(
        "DATASET_INVALID",
        place,
        `an answer has scores by several judges: ${judges.join(", ")}`,
        { hint: "say whose scores count (judge, --judge)" },
      );
    }
    found.set(responseKey, judgement);
  }
  return new Map([...found].map(([key, { score }]) => [key, score!]));
}

function scored(entry: PromptEntry, drop: Drop, place: RecordPlace): Answered[] {
  const {
    prompt: { messages },
    responses,
  } = entry;
  const scoreOf = scoresOf(entry, place);
  return responses.flatMap((response) => {
    if (!isLearnable(response, drop)) return [];
    const score = scoreOf.get(response.key);
    if (score === undefined) drop("unscored");
    return score === undefined ? [] : [{ messages, answers: [response.text], score }];
  });
}

const judgedBy = (entry: PromptEntry, judge: string): PromptEntry => ({
  ...entry,
  judgements: entry.judgements.filter((judgement) => judgement.judge === judge),
});

/** Whether several answers to a prompt have scores. */
const isRated = ({ judgements }: PromptEntry): boolean =>
  new Set(judgements.filter(({ rivalKey }) => rivalKey === undefined).map(({ responseKey }) => responseKey))
    .size > 1;

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
 * @throws {TuttiError} as `openDataFiles` and `readDataFiles`; DATASET_INVALID when no row has what is asked for, and when an
 *   answer has scores by several judges; RECORD_INVALID when a margin is no number, and for a pair without the third answer of
 *   a triple
 */
export async function readAnswers(
  paths: readonly string[],
  use: AnswerUse,
  { judge, format }: AnswerSource = {},
): Promise<ReadAnswers> {
  const answered: AnsweredPrompt[] = [];
  const dropped: DroppedAnswer[] = [];
  const options: ReadOptions = format === undefined ? {} : { format };
  const files = await openDataFiles(paths, options);
  let hasRivals = false;
  for await (const group of readDataFiles(files, options)) {
    const { file, line } = group.place;
    const id = `${file}:${line}`;
    const drop = (reason: string): void => void dropped.push({ id, reason });
    for (const whole of groupEntries(group)) {
      const entry = judge === undefined ? whole : judgedBy(whole, judge);
      hasRivals ||= use === "answers" && isRated(entry);
      for (const found of READERS[use](entry, drop, group.place)) answered.push({ id, ...found });
    }
  }
  if (answered.length > 0) return { answered, dropped, hasRivals };
  const formats = files.map(({ path, format }) => `${path} (${format.name})`).join(", ");
  throw new TuttiError("DATASET_INVALID", `${formats}: no row holds ${EXPECTED[use]}`, {
    details: { paths },
    hint: "import files that hold prompts, answers and judgements apart; `tutti data sft` and `tutti data pairs` write what is asked for",
  });
}
