/** LLaMA-Factory's sharegpt rows: conversations of {from, value}, system; with chosen and rejected they are its ranking rows. */
import type { ChatMessage } from "../record.ts";
import type { Json, JsonObject } from "../store/rows.ts";
import { exchangeOf, messageOf, messagesOf } from "./conversation.ts";
import { answersOf, pairsOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { pairGroup } from "./preference.ts";
import { promptRow, responseRow } from "./rows.ts";

const NAMES = { content: "value", role: "from" };
const FIELDS = ["conversations", "system", "chosen", "rejected", "id"];
const SPEAKERS = { system: "system", user: "human", assistant: "gpt" } as const;

const turn = ({ role, content }: ChatMessage): Json => ({ from: SPEAKERS[role], value: content });

function conversationOf(row: Fields): readonly ChatMessage[] {
  const system = row.optionalText("system") ?? "";
  const turns = messagesOf(row, "conversations", NAMES);
  return system === "" ? turns : [{ role: "system", content: system }, ...turns];
}

const idOf = (row: Fields): string | undefined => (row.has("id") ? row.identifier("id") : undefined);

function read(row: Fields, context: ReadContext): RowGroup {
  const { prompt, answer } = exchangeOf(conversationOf(row), row, "conversations");
  const question = promptRow(context, { id: idOf(row), messages: prompt, extra: row.rest(FIELDS) });
  const responses =
    answer === undefined ? [] : [responseRow(context, question.key, { model: context.model, text: answer })];
  return { place: row.place, prompts: [question], responses, judgements: [] };
}

function fieldsOf({ prompt }: PromptEntry, answer: readonly ChatMessage[]): JsonObject {
  const system = prompt.messages[0]?.role === "system" ? prompt.messages[0].content : undefined;
  const turns = system === undefined ? prompt.messages : prompt.messages.slice(1);
  return {
    conversations: [...turns, ...answer].map(turn),
    ...(system !== undefined && { system }),
    id: prompt.id,
  };
}

function* write(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  for (const { text } of answersOf(entry, options))
    yield fieldsOf(entry, [{ role: "assistant", content: text }]);
}

export const sharegpt: Format = {
  name: "sharegpt",
  summary: "LLaMA-Factory's sharegpt rows: conversations of from and value, system",
  recognises: (row) => Array.isArray(row.conversations) && !("chosen" in row),
  read,
  writer: {
    columns: () => [
      { name: "conversations", type: "json" },
      { name: "system", type: "text" },
      { name: "id", type: "text" },
    ],
    rows: write,
  },
};

function answerOf(row: Fields, field: "chosen" | "rejected"): string {
  const { role, content } = messageOf(row.object(field), NAMES);
  if (role === "assistant") return content;
  throw row.problem(field, "a turn of gpt", "the two answers are the model's");
}

function readRanking(row: Fields, context: ReadContext): RowGroup {
  const messages = conversationOf(row);
  if (messages.at(-1)!.role === "assistant") {
    throw row.problem(
      "conversations",
      "a conversation that ends with the question",
      "leave the answer to chosen and rejected",
      "one that ends with an answer",
    );
  }
  const { prompt } = exchangeOf(messages, row, "conversations");
  const answers = [answerOf(row, "chosen"), answerOf(row, "rejected")] as const;
  return pairGroup(row, context, { id: idOf(row), messages: prompt, extra: row.rest(FIELDS) }, answers);
}

function* writeRanking(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  for (const { chosen, rejected } of pairsOf(entry, options)) {
    const answer = (content: string): Json => turn({ role: "assistant", content });
    yield { ...fieldsOf(entry, []), chosen: answer(chosen.text), rejected: answer(rejected.text) };
  }
}

export const sharegptRanking: Format = {
  name: "sharegpt-ranking",
  summary: "LLaMA-Factory's ranking rows as sharegpt: conversations, chosen, rejected",
  recognises: (row) => Array.isArray(row.conversations) && "chosen" in row && "rejected" in row,
  read: readRanking,
  writer: {
    columns: () => [
      { name: "conversations", type: "json" },
      { name: "chosen", type: "json" },
      { name: "rejected", type: "json" },
      { name: "system", type: "text" },
      { name: "id", type: "text" },
    ],
    rows: writeRanking,
  },
};
