/**
 * Hugging Face conversations for fine-tuning: `messages`, or TRL's prompt and completion, as text or as messages. The last answer
 * is the response, everything before it the prompt. With a `label` (TRL's unpaired preferences) or a `score` the answer is also judged.
 */

import type { ChatMessage } from "../record.ts";
import type { JsonObject } from "../store/rows.ts";
import {
  answerMessagesOf,
  exchangeOf,
  messagesJson,
  messagesOf,
  singleText,
  userMessage,
} from "./conversation.ts";
import { answersOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { judgementRow, promptRow, responseRow } from "./rows.ts";

const FIELDS = ["messages", "prompt", "completion", "id", "model", "label", "score", "domain", "split"];

/** What a row says of its answer: good or bad, or what it is worth. */
function verdictOf(row: Fields): { readonly score: number; readonly verdict: string }[] {
  if (row.hasScore("label") && row.hasScore("score"))
    throw row.problem("score", "no score beside a label", "keep one of the two");
  if (row.hasScore("score")) return [{ score: row.score("score"), verdict: "scored" }];
  if (!row.hasScore("label")) return [];
  const label = row.score("label");
  if (![-1, 0, 1].includes(label))
    throw row.problem("label", "true or false, or 1, 0 or -1", "put what the answer is worth into `score`");
  return [{ score: label, verdict: label > 0 ? "desirable" : "undesirable" }];
}

function group(
  row: Fields,
  context: ReadContext,
  prompt: readonly ChatMessage[],
  answer: string | undefined,
): RowGroup {
  const question = promptRow(context, {
    id: row.has("id") ? row.identifier("id") : undefined,
    messages: prompt,
    domain: row.optionalText("domain"),
    split: row.optionalText("split"),
    extra: row.rest(FIELDS),
  });
  if (answer === undefined) return { place: row.place, prompts: [question], responses: [], judgements: [] };
  const response = responseRow(context, question.key, {
    model: row.optionalText("model") ?? context.model,
    text: answer,
  });
  const judgements = verdictOf(row).map((verdict) => judgementRow(context, response.key, verdict));
  return { place: row.place, prompts: [question], responses: [response], judgements };
}

function readMessages(row: Fields, context: ReadContext): RowGroup {
  const { prompt, answer } = exchangeOf(messagesOf(row, "messages"), row, "messages");
  return group(row, context, prompt, answer);
}

function* writeMessages(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  for (const { text, model } of answersOf(entry, options)) {
    yield {
      messages: messagesJson([...entry.prompt.messages, { role: "assistant", content: text }]),
      id: entry.prompt.id,
      model,
    };
  }
}

export const messages: Format = {
  name: "messages",
  summary: "conversations for fine-tuning (Hugging Face, OpenAI): messages",
  recognises: (row) =>
    Array.isArray(row.messages) && !("ans_id" in row) && !("kind" in row) && !("chosen" in row),
  read: readMessages,
  writer: {
    columns: () => [
      { name: "messages", type: "messages" },
      { name: "id", type: "text" },
      { name: "model", type: "text" },
    ],
    rows: writeMessages,
  },
};

function readCompletion(row: Fields, context: ReadContext): RowGroup {
  if (typeof row.get("prompt") === "string") {
    return group(row, context, userMessage(row.words("prompt")), row.text("completion"));
  }
  const conversation = [...messagesOf(row, "prompt"), ...answerMessagesOf(row, "completion")];
  const { prompt, answer } = exchangeOf(conversation, row, "completion");
  if (answer === undefined)
    throw row.problem("completion", "messages that end with the assistant's", "give the answer");
  return group(row, context, prompt, answer);
}

function* writeCompletions(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  const text = singleText(entry.prompt.messages);
  for (const { text: answer } of answersOf(entry, options)) {
    yield text === undefined
      ? {
          prompt: messagesJson(entry.prompt.messages),
          completion: messagesJson([{ role: "assistant", content: answer }]),
        }
      : { prompt: text, completion: answer };
  }
}

export const completions: Format = {
  name: "prompt-completion",
  summary: "prompts with completions (TRL), with a label where they are unpaired preferences, or a score",
  recognises: (row) => "prompt" in row && "completion" in row,
  read: readCompletion,
  writer: {
    columns: () => [
      { name: "prompt", type: "json" },
      { name: "completion", type: "json" },
    ],
    rows: writeCompletions,
  },
};
