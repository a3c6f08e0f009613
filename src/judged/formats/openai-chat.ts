/** Logs of chat requests: the request and the completion that answered it, a pair a row. */
import type { JsonObject } from "../store/rows.ts";
import { answersOfCompletion, completionOf, PROVIDER_TEMPLATE, requestOf } from "./chat-completion.ts";
import { messagesJson } from "./conversation.ts";
import { answersOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { promptRow, recordedSampling } from "./rows.ts";

function read(row: Fields, context: ReadContext): RowGroup {
  const request = requestOf(row.object("request"));
  const prompt = promptRow(context, {
    id: row.has("id") ? row.identifier("id") : undefined,
    messages: request.messages,
    extra: row.rest(["request", "response", "id"]),
  });
  const responses = answersOfCompletion(context, row.object("response"), {
    promptKey: prompt.key,
    model: request.model,
    // The same question may have been asked many times, with other answers: each is its own.
    sampling: (text, choice) => ({
      revision: request.model,
      template: PROVIDER_TEMPLATE,
      parameters: { ...request.parameters, ...recordedSampling(text).parameters },
      seedIndex: choice,
    }),
  });
  return { place: row.place, prompts: [prompt], responses, judgements: [] };
}

function* write(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  for (const response of answersOf(entry, options)) {
    const { recorded: _, ...parameters } = response.parameters;
    yield {
      id: entry.prompt.id,
      request: { model: response.model, messages: messagesJson(entry.prompt.messages), ...parameters },
      response: completionOf(response),
    };
  }
}

export const openaiChat: Format = {
  name: "openai-chat",
  summary: "logs of chat requests: request and response, as OpenAI's API has them",
  recognises: ({ request, response }) => {
    const [asked, answered] = [request, response] as [{ messages?: unknown }?, { choices?: unknown }?];
    return Array.isArray(asked?.messages) && Array.isArray(answered?.choices);
  },
  read,
  writer: {
    columns: () => [
      { name: "id", type: "text" },
      { name: "request", type: "json" },
      { name: "response", type: "json" },
    ],
    rows: write,
  },
};
