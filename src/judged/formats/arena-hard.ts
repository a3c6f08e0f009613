/**
 * Arena-Hard's files, version 0.1 (question_id, turns, choices) and 2.0 (uid, prompt, messages): questions, answers of one model,
 * and judgements of two games against a baseline, where the model is B in the first game and A in the second. The score of a
 * judgement is the share of games won, a tie counting half.
 */
import type { JsonObject } from "../store/rows.ts";
import { singleText, userMessage } from "./conversation.ts";
import { answersOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { judgementRow, promptRow, responseRow, timeOfSeconds } from "./rows.ts";

const BENCHMARK = "ArenaHard";
/** What version 0.1 compares with, whose files do not say it. */
const BASELINE = "gpt-4-0314";
const NOTHING = { prompts: [], responses: [], judgements: [] } as const;
/** Points of A. */
const POINTS: Readonly<Record<string, number>> = {
  "A>>B": 1,
  "A>B": 1,
  "A=B": 0.5,
  "B=A": 0.5,
  "A<B": 0,
  "A<<B": 0,
  "B>A": 0,
  "B>>A": 0,
};

const idField = (row: Fields): "uid" | "question_id" => (row.has("uid") ? "uid" : "question_id");

function readQuestion(row: Fields, context: ReadContext): RowGroup {
  const field = idField(row);
  const id = row.identifier(field);
  context.references.once("arena-hard question", [id], row.place, field);
  const [turn] = row.has("prompt") ? [] : row.objects("turns");
  const text = turn === undefined ? row.words("prompt") : turn.words("content");
  const prompt = promptRow(context, {
    id,
    messages: userMessage(text),
    domain: BENCHMARK,
    extra: row.rest([field, "turns", "prompt"]),
  });
  context.references.addQuestion(BENCHMARK, { id, turns: [text], domain: BENCHMARK, prompt });
  return { place: row.place, ...NOTHING, prompts: [prompt] };
}

interface GivenAnswer {
  readonly text: string;
  readonly tokens: number | undefined;
}

/** Of version 2.0: the last message, whose content may be an object with the answer apart from its reasoning. */
function answerOfMessages(row: Fields): GivenAnswer {
  const last = row.objects("messages").at(-1);
  if (last === undefined) throw row.problem("messages", "at least one message", "give the answer");
  const content = last.get("content");
  const text = typeof content === "object" ? last.object("content").text("answer") : last.text("content");
  return { text, tokens: row.optionalObject("metadata")?.optionalNumber("token_len") };
}

function answerOfChoices(row: Fields): GivenAnswer {
  const turn = row.objects("choices")[0]?.objects("turns")[0];
  if (turn === undefined) throw row.problem("choices", "one choice with one turn", "give the answer");
  return { text: turn.text("content"), tokens: turn.optionalNumber("token_len") };
}

function readAnswer(row: Fields, context: ReadContext): RowGroup {
  const field = idField(row);
  const question = context.references.question(BENCHMARK, row, field);
  const model = row.words(row.has("model_id") ? "model_id" : "model");
  context.references.once("arena-hard answer", [question.id, model], row.place, `${field}, model`);
  const { text, tokens } = row.has("messages") ? answerOfMessages(row) : answerOfChoices(row);
  const response = responseRow(context, question.prompt.key, {
    model,
    text,
    completionTokens: tokens,
    createdAt: timeOfSeconds(row.optionalNumber("tstamp")),
  });
  context.references.addAnswer(BENCHMARK, [question.id, model, "1"], response.key);
  return { place: row.place, ...NOTHING, responses: [response] };
}

/** Points of the model in a game; null where the judge came to no verdict. */
function gamePoints(game: Fields, isModelFirst: boolean): number | null {
  const verdict = game.get("score");
  if (verdict === undefined) return null;
  if (typeof verdict === "string" && Object.hasOwn(POINTS, verdict)) {
    return isModelFirst ? POINTS[verdict]! : 1 - POINTS[verdict]!;
  }
  throw game.problem(
    "score",
    `one of ${Object.keys(POINTS).join(", ")}, or null`,
    "check what wrote the file",
  );
}

function readJudgement(row: Fields, context: ReadContext): RowGroup {
  const { references } = context;
  const field = idField(row);
  const { id } = references.question(BENCHMARK, row, field);
  const [model, judge] = [row.words("model"), row.optionalText("judge") ?? context.judge];
  const baseline = row.optionalText("baseline") ?? BASELINE;
  references.once("arena-hard judgement", [id, model, judge, baseline], row.place, `${field}, model, judge`);
  const games = row.has("games") ? row.objects("games") : [];
  if (games.length !== 2)
    throw row.problem("games", "two games, one in each order", "judge the answer again");
  const points = games.map((game, index) => gamePoints(game, index === 1));
  const [first, second] = points;
  const isJudged = first != null && second != null;
  const judgement = judgementRow(context, references.answer(BENCHMARK, [id, model, "1"], row), {
    judge,
    judgeVersion: `arena-hard vs ${baseline}`,
    score: isJudged ? (first + second) / 2 : null,
    verdict: isJudged ? games.map((game) => game.text("score")).join(" ") : "judge_failed",
    explanation: { baseline, games: games.map((game) => game.rest(["user_prompt", "prompt"]) ?? {}) },
    createdAt: timeOfSeconds(row.optionalNumber("tstamp")),
  });
  return { place: row.place, ...NOTHING, judgements: [judgement] };
}

function* writeQuestion({ prompt }: PromptEntry): Generator<JsonObject> {
  const content = singleText(prompt.messages);
  if (content !== undefined) yield { ...prompt.extra, question_id: prompt.id, turns: [{ content }] };
}

function* writeAnswers(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  for (const { key, model, text, completionTokens, createdAt } of answersOf(entry, options)) {
    const turn = { content: text, ...(completionTokens !== undefined && { token_len: completionTokens }) };
    yield {
      question_id: entry.prompt.id,
      answer_id: key,
      model_id: model,
      choices: [{ index: 0, turns: [turn] }],
      tstamp: Date.parse(createdAt) / 1000,
    };
  }
}

const hasId = (row: JsonObject): boolean => "question_id" in row || "uid" in row;
const firstObject = (value: unknown): Record<string, unknown> | undefined => {
  const first: unknown = Array.isArray(value) ? (value as unknown[])[0] : undefined;
  return typeof first === "object" && first !== null ? (first as Record<string, unknown>) : undefined;
};

export const arenaHardQuestion: Format = {
  name: "arena-hard-question",
  summary: "Arena-Hard questions: question_id and turns, or uid and prompt",
  recognises: (row) =>
    ("question_id" in row && firstObject(row.turns) !== undefined) ||
    ("uid" in row && "prompt" in row && !("games" in row)),
  read: readQuestion,
  writer: {
    columns: () => [
      { name: "question_id", type: "text" },
      { name: "category", type: "text" },
      { name: "cluster", type: "text" },
      { name: "turns", type: "json" },
    ],
    rows: writeQuestion,
  },
};

export const arenaHardAnswer: Format = {
  name: "arena-hard-answer",
  summary:
    "Arena-Hard answers of one model: model_id and choices, or model and messages (with the question file)",
  stage: 1,
  recognises: (row) =>
    hasId(row) &&
    !("games" in row) &&
    (firstObject(firstObject(row.choices)?.turns) !== undefined ||
      ("uid" in row && Array.isArray(row.messages))),
  read: readAnswer,
  writer: {
    columns: () => [
      { name: "question_id", type: "text" },
      { name: "answer_id", type: "text" },
      { name: "model_id", type: "text" },
      { name: "choices", type: "json" },
      { name: "tstamp", type: "number" },
    ],
    rows: writeAnswers,
  },
};

export const arenaHardJudgement: Format = {
  name: "arena-hard-judgment",
  summary: "Arena-Hard judgements: model, judge, games (with questions and answers)",
  stage: 2,
  recognises: (row) => hasId(row) && Array.isArray(row.games),
  read: readJudgement,
};
