/**
 * MT-Bench's files as FastChat writes them: questions of two turns, answers of one model, judgements of single answers and of
 * pairs. The prompt of a second turn holds the first answer. A rating of -1 is a judge that failed.
 */
import type { ChatMessage } from "../record.ts";
import type { JsonObject, PromptRow, ResponseRow } from "../store/rows.ts";
import { userMessage } from "./conversation.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup } from "./format.ts";
import { judgementRow, promptRow, responseRow, timeOfSeconds } from "./rows.ts";

const BENCHMARK = "MT-Bench";
const NOTHING = { prompts: [], responses: [], judgements: [] } as const;

const firstOf = (value: unknown): unknown => (Array.isArray(value) ? (value as unknown[])[0] : undefined);

function readQuestion(row: Fields, context: ReadContext): RowGroup {
  const id = row.identifier("question_id");
  context.references.once("mt-bench question", [id], row.place, "question_id");
  const turns = row.texts("turns");
  if (turns.length === 0 || turns.some((turn) => turn.trim() === "")) {
    throw row.problem("turns", "at least one turn that is not blank", "give the questions in order");
  }
  const reference = row.has("reference") ? { answers: row.texts("reference") } : undefined;
  const prompt = promptRow(context, {
    id,
    messages: userMessage(turns[0]!),
    domain: row.has("category") ? `${BENCHMARK}/${row.text("category")}` : BENCHMARK,
    reference,
    extra: { ...row.rest(["question_id", "category", "turns", "reference"]), turns },
  });
  context.references.addQuestion(BENCHMARK, { id, turns, domain: prompt.domain, prompt });
  return { place: row.place, ...NOTHING, prompts: [prompt] };
}

/** Questions and answers in turn, ending with the question of `turn`. */
function conversation(questions: readonly string[], answers: readonly string[], turn: number): ChatMessage[] {
  return questions
    .slice(0, turn + 1)
    .flatMap((question, index): ChatMessage[] => [
      { role: "user", content: question },
      ...(index < turn ? [{ role: "assistant", content: answers[index]! } as const] : []),
    ]);
}

function readAnswer(row: Fields, context: ReadContext): RowGroup {
  const question = context.references.question(BENCHMARK, row, "question_id");
  const model = row.words("model_id");
  context.references.once("mt-bench answer", [question.id, model], row.place, "question_id, model_id");
  const choice = row.objects("choices")[0];
  const answers = choice?.texts("turns") ?? [];
  if (answers.length === 0 || answers.length > question.turns.length) {
    throw row.problem(
      "choices",
      `answers to the question's ${question.turns.length} turns`,
      "give one answer a turn",
    );
  }
  const rows = answers.map((text, turn): { readonly prompt: PromptRow; readonly response: ResponseRow } => {
    const prompt =
      turn === 0
        ? question.prompt
        : promptRow(context, {
            id: `${question.id}/${model}/${turn + 1}`,
            messages: conversation(question.turns, answers, turn),
            domain: question.domain,
            extra: { turn: turn + 1 },
          });
    const response = responseRow(context, prompt.key, {
      model,
      text,
      createdAt: timeOfSeconds(row.optionalNumber("tstamp")),
    });
    context.references.addAnswer(BENCHMARK, [question.id, model, String(turn + 1)], response.key);
    return { prompt, response };
  });
  return {
    place: row.place,
    prompts: rows.slice(1).map(({ prompt }) => prompt),
    responses: rows.map(({ response }) => response),
    judgements: [],
  };
}

/** Name and version of the judge: FastChat writes the model and the name of its prompt. */
function judgeOf(row: Fields): { readonly judge: string; readonly judgeVersion: string } {
  if (typeof row.get("judge") === "string") return { judge: row.words("judge"), judgeVersion: "1" };
  const [judge, judgeVersion] = row.texts("judge");
  if (judge !== undefined && judgeVersion !== undefined) return { judge, judgeVersion };
  throw row.problem("judge", "the judge and the name of its prompt", 'write it as ["gpt-4", "single-v1"]');
}

function readSingle(row: Fields, context: ReadContext): RowGroup {
  const { id } = context.references.question(BENCHMARK, row, "question_id");
  const [model, turn, named] = [row.words("model"), String(row.count("turn")), judgeOf(row)];
  const parts = [id, model, turn, named.judge, named.judgeVersion];
  context.references.once("mt-bench single", parts, row.place, "question_id, model, turn");
  const rating = row.number("score");
  const judgement = judgementRow(context, context.references.answer(BENCHMARK, [id, model, turn], row), {
    ...named,
    score: rating === -1 ? null : rating,
    verdict: rating === -1 ? "judge_failed" : "rated",
    explanation: row.has("judgment") ? { judgment: row.text("judgment") } : undefined,
    createdAt: timeOfSeconds(row.optionalNumber("tstamp")),
  });
  return { place: row.place, ...NOTHING, judgements: [judgement] };
}

const WINNERS: Readonly<Record<string, number>> = { model_1: 1, model_2: 0, tie: 0.5 };

/** Whom both orders name wins; everything else is a tie, as FastChat counts. */
function pairScore(row: Fields): number | null {
  const games = ["g1_winner", "g2_winner"].map((name) => {
    const winner = row.words(name);
    if (winner === "error") return null;
    if (Object.hasOwn(WINNERS, winner)) return WINNERS[winner]!;
    throw row.problem(name, "model_1, model_2, tie or error", "check what wrote the file");
  });
  const [first, second] = games;
  if (first == null || second == null) return null;
  return first === second ? first : 0.5;
}

function readPair(row: Fields, context: ReadContext): RowGroup {
  const { references } = context;
  const { id } = references.question(BENCHMARK, row, "question_id");
  const [one, two, turn, named] = [
    row.words("model_1"),
    row.words("model_2"),
    String(row.count("turn")),
    judgeOf(row),
  ];
  references.once(
    "mt-bench pair",
    [id, one, two, turn, named.judge],
    row.place,
    "question_id, model_1, model_2, turn",
  );
  const score = pairScore(row);
  const judgement = judgementRow(context, references.answer(BENCHMARK, [id, one, turn], row), {
    ...named,
    rivalKey: references.answer(BENCHMARK, [id, two, turn], row),
    score,
    verdict: `${row.text("g1_winner")} ${row.text("g2_winner")}`,
    explanation: row.rest([
      "question_id",
      "model_1",
      "model_2",
      "judge",
      "turn",
      "tstamp",
      "g1_user_prompt",
      "g2_user_prompt",
    ]),
    createdAt: timeOfSeconds(row.optionalNumber("tstamp")),
  });
  return { place: row.place, ...NOTHING, judgements: [judgement] };
}

function* writeQuestion({ prompt }: PromptEntry): Generator<JsonObject> {
  const { turns, ...extra } = prompt.extra ?? {};
  if (!Array.isArray(turns)) return;
  const number = Number(prompt.id);
  yield {
    ...extra,
    question_id: Number.isSafeInteger(number) ? number : prompt.id,
    category: prompt.domain.replace(`${BENCHMARK}/`, ""),
    turns,
    ...(prompt.reference?.answers !== undefined && { reference: prompt.reference.answers }),
  };
}

export const mtBenchQuestion: Format = {
  name: "mt-bench-question",
  summary: "MT-Bench questions: question_id, category, turns",
  recognises: (row) => "question_id" in row && typeof firstOf(row.turns) === "string",
  read: readQuestion,
  writer: {
    columns: () => [
      { name: "question_id", type: "json" },
      { name: "category", type: "text" },
      { name: "turns", type: "texts" },
      { name: "reference", type: "texts" },
    ],
    rows: writeQuestion,
  },
};

export const mtBenchAnswer: Format = {
  name: "mt-bench-answer",
  summary: "MT-Bench answers of one model: question_id, model_id, choices (with the question file)",
  stage: 1,
  recognises: (row) => {
    const choice = firstOf(row.choices) as { readonly turns?: unknown } | undefined;
    return "question_id" in row && "model_id" in row && typeof firstOf(choice?.turns) === "string";
  },
  read: readAnswer,
};

export const mtBenchSingle: Format = {
  name: "mt-bench-single",
  summary: "MT-Bench ratings: question_id, model, judge, score, turn (with questions and answers)",
  stage: 2,
  recognises: (row) => "question_id" in row && "model" in row && "turn" in row && "score" in row,
  read: readSingle,
};

export const mtBenchPair: Format = {
  name: "mt-bench-pair",
  summary: "MT-Bench comparisons: model_1, model_2, g1_winner, g2_winner (with questions and answers)",
  stage: 2,
  recognises: (row) => "question_id" in row && "g1_winner" in row && "g2_winner" in row,
  read: readPair,
};
