/**
 * Preference pairs as TRL reads them: prompt, chosen, rejected, as text or as messages; the prompt may be missing where both
 * answers are whole conversations. Scores of the two answers, as UltraFeedback's binarised sets have them, are kept. With
 * `source_chosen`, a better answer of another model, rows are the triples of WRPO (arXiv 2412.03187, section 3.1).
 */
import type { ChatMessage } from "../record.ts";
import type { Json, JsonObject, JudgementRow, ResponseRow } from "../store/rows.ts";
import { answerMessagesOf, exchangeOf, messagesJson, messagesOf, userMessage } from "./conversation.ts";
import { pairsOf, SOURCE_CHOSEN, scoresOf, withSources } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { judgementRow, type PromptParts, promptRow, responseRow } from "./rows.ts";

const FIELDS = [
  "prompt",
  "chosen",
  "rejected",
  "source_chosen",
  "prompt_id",
  "id",
  "messages",
  "score_chosen",
  "score_rejected",
  "chosen_model",
  "rejected_model",
  "source_chosen_model",
  "domain",
  "split",
];

/** A prompt with its two answers; the first is the better one, and so is that of a source model, where there is one. */
export function pairGroup(
  row: Fields,
  context: ReadContext,
  prompt: PromptParts,
  [chosen, rejected, source]: readonly [chosen: string, rejected: string, source?: string | undefined],
): RowGroup {
  const question = promptRow(context, prompt);
  const answer = (text: string, name: string): ResponseRow =>
    responseRow(context, question.key, { model: row.optionalText(`${name}_model`) ?? context.model, text });
  const [better, worse] = [answer(chosen, "chosen"), answer(rejected, "rejected")];
  if (better.key === worse.key) {
    throw row.problem(
      "rejected",
      "another answer than the chosen one",
      "leave out pairs of equal answers",
      "the same text",
    );
  }
  const ofSource = source === undefined ? [] : [answer(source, "source_chosen")];
  if (ofSource.some(({ key }) => key === better.key || key === worse.key)) {
    throw row.problem(
      "source_chosen",
      "another answer than the chosen and the rejected one",
      "leave out rows of equal answers, or name the models: chosen_model, source_chosen_model",
      "the same text",
    );
  }
  const scores = [
    ["score_chosen", better],
    ["score_rejected", worse],
  ] as const;
  const pointwise: JudgementRow[] = scores.flatMap(([name, { key }]) =>
    row.hasScore(name) ? [judgementRow(context, key, { score: row.score(name), verdict: "scored" })] : [],
  );
  const preferred = (key: string, verdict: string): JudgementRow =>
    judgementRow(context, key, { rivalKey: worse.key, score: 1, verdict });
  return {
    place: row.place,
    prompts: [question],
    responses: [better, worse, ...ofSource],
    judgements: [
      preferred(better.key, "chosen"),
      ...pointwise,
      ...ofSource.map(({ key }) => preferred(key, SOURCE_CHOSEN)),
    ],
  };
}

interface Answered {
  readonly prompt: readonly ChatMessage[];
  readonly answer: string;
}

/** One side: text, or messages that hold the answer alone or the whole conversation. */
function side(
  row: Fields,
  field: "chosen" | "rejected" | "source_chosen",
  prompt: readonly ChatMessage[] | undefined,
): Answered {
  if (typeof row.get(field) === "string") {
    if (prompt !== undefined) return { prompt, answer: row.text(field) };
    throw row.problem("prompt", "the prompt", "pairs of texts need one");
  }
  const given = answerMessagesOf(row, field);
  const isWhole = prompt === undefined || given.length > 1;
  const { prompt: before, answer } = exchangeOf(isWhole ? given : [...prompt, ...given], row, field);
  if (answer !== undefined) return { prompt: before, answer };
  throw row.problem(field, "messages that end with the assistant's", "give the answer last");
}

function read(row: Fields, context: ReadContext): RowGroup {
  const prompt = !row.has("prompt")
    ? undefined
    : typeof row.get("prompt") === "string"
      ? userMessage(row.words("prompt"))
      : messagesOf(row, "prompt");
  const chosen = side(row, "chosen", prompt);
  const [rejected, source] = (["rejected", "source_chosen"] as const).map((field) => {
    if (field === "source_chosen" && !row.has(field)) return undefined;
    const answered = side(row, field, prompt);
    if (JSON.stringify(chosen.prompt) === JSON.stringify(answered.prompt)) return answered.answer;
    throw row.problem(
      field,
      "an answer to the same prompt as the chosen one",
      "leave the row out",
      "another conversation",
    );
  });
  const idField = row.has("prompt_id") ? "prompt_id" : "id";
  const parts: PromptParts = {
    id: row.has(idField) ? row.identifier(idField) : undefined,
    messages: chosen.prompt,
    domain: row.optionalText("domain"),
    split: row.optionalText("split"),
    extra: row.rest(FIELDS),
  };
  return pairGroup(row, context, parts, [chosen.answer, rejected!, source]);
}

function* write(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const scores = scoresOf(entry, options);
  const score = ({ key }: ResponseRow): number | null | undefined => scores.get(key)?.score;
  const answer = ({ text }: ResponseRow): Json => messagesJson([{ role: "assistant", content: text }]);
  for (const { chosen, rejected, source } of withSources(pairsOf(entry, options))) {
    const [better, worse] = [score(chosen), score(rejected)];
    yield {
      prompt: messagesJson(entry.prompt.messages),
      chosen: answer(chosen),
      rejected: answer(rejected),
      ...(source && { source_chosen: answer(source) }),
      prompt_id: entry.prompt.id,
      chosen_model: chosen.model,
      rejected_model: rejected.model,
      ...(source && { source_chosen_model: source.model }),
      ...(better != null && worse != null && { score_chosen: better, score_rejected: worse }),
    };
  }
}

export const preference: Format = {
  name: "preference",
  summary: "preference pairs (TRL): prompt, chosen, rejected, as text or messages; source_chosen for WRPO",
  recognises: (row) =>
    "chosen" in row && "rejected" in row && !("instruction" in row) && !("conversations" in row),
  read,
  writer: {
    columns: () => [
      { name: "prompt", type: "messages" },
      { name: "chosen", type: "messages" },
      { name: "rejected", type: "messages" },
      { name: "source_chosen", type: "messages" },
      { name: "prompt_id", type: "text" },
      { name: "chosen_model", type: "text" },
      { name: "rejected_model", type: "text" },
      { name: "source_chosen_model", type: "text" },
      { name: "score_chosen", type: "number" },
      { name: "score_rejected", type: "number" },
    ],
    rows: write,
  },
};
