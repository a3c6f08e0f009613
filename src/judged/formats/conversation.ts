/** Conversations as files write them: lists of messages, whose last one may be the answer. */
import { describeReceived } from "../place.ts";
import type { ChatMessage } from "../record.ts";
import type { Json } from "../store/rows.ts";
import type { Fields } from "./fields.ts";

const ROLES: Readonly<Record<string, ChatMessage["role"]>> = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
  gpt: "assistant",
  model: "assistant",
};

/** Content as one text: OpenAI's text parts are joined. */
function contentOf(message: Fields, name: string): string {
  const content = message.get(name);
  if (!Array.isArray(content)) return message.text(name);
  return (content as readonly Json[])
    .map((part) => {
      const { type, text } = (part ?? {}) as { type?: unknown; text?: unknown };
      if (typeof text === "string" && (type === "text" || type === "input_text" || type === "output_text"))
        return text;
      throw message.problem(name, "text parts only", "leave out rows with pictures, sound or tool calls");
    })
    .join("");
}

export interface MessageNames {
  readonly role: string;
  readonly content: string;
}

const OPENAI: MessageNames = { role: "role", content: "content" };

export function messageOf(message: Fields, names: MessageNames = OPENAI): ChatMessage {
  const role = message.get(names.role);
  const known = typeof role === "string" && Object.hasOwn(ROLES, role) ? ROLES[role] : undefined;
  if (known === undefined) {
    throw message.problem(
      names.role,
      `one of ${Object.keys(ROLES).join(", ")}`,
      "map other roles to one of these, or leave the row out; tool calls are not kept",
    );
  }
  return { role: known, content: contentOf(message, names.content) };
}

/** The messages of a field that may be an empty answer. */
export function answerMessagesOf(
  row: Fields,
  field: string,
  names: MessageNames = OPENAI,
): readonly ChatMessage[] {
  return row.objects(field).map((message) => messageOf(message, names));
}

/** The messages of a field. @throws {TuttiError} RECORD_INVALID: none, blank ones only, other roles or media */
export function messagesOf(row: Fields, field: string, names: MessageNames = OPENAI): readonly ChatMessage[] {
  const messages = answerMessagesOf(row, field, names);
  if (messages.every(({ content }) => content.trim() === "")) {
    throw row.problem(
      field,
      "messages that are not blank",
      "give the conversation, or leave the row out",
      messages.length === 0 ? describeReceived(row.get(field)) : "messages without text",
    );
  }
  return messages;
}

export interface Exchange {
  readonly prompt: readonly ChatMessage[];
  /** What the assistant said last, if it had the last word. */
  readonly answer: string | undefined;
}

/** Takes the last answer off a conversation. */
export function exchangeOf(messages: readonly ChatMessage[], row: Fields, field: string): Exchange {
  const last = messages.at(-1);
  const isAnswered = last?.role === "assistant";
  const prompt = isAnswered ? messages.slice(0, -1) : messages;
  if (!prompt.some(({ role, content }) => role === "user" && content.trim() !== "")) {
    throw row.problem(
      field,
      "a user message before the answer",
      "a conversation needs a question",
      "a conversation without one",
    );
  }
  return { prompt, answer: isAnswered ? last.content : undefined };
}

/** A prompt of one text. */
export const userMessage = (content: string): readonly ChatMessage[] => [{ role: "user", content }];

/** The text of a prompt that is one user message, else undefined. */
export function singleText(messages: readonly ChatMessage[]): string | undefined {
  return messages.length === 1 && messages[0]!.role === "user" ? messages[0]!.content : undefined;
}

/** Messages as JSON. */
export const messagesJson = (messages: readonly ChatMessage[]): Json =>
  messages.map(({ role, content }) => ({ role, content }));
