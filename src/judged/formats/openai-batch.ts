/**
 * OpenAI's batch files: requests, and the answers that come back under the same `custom_id`. Requests that Tutti wrote are called
 * PROMPT-KEY:SAMPLE, so that answers find the prompt they were asked for, whatever else the store knows of it.
 */
import { TuttiError } from "../../support/errors.ts";
import type { JsonObject, ResponseRow } from "../store/rows.ts";
import { answersOfCompletion, completionOf, PROVIDER_TEMPLATE, requestOf } from "./chat-completion.ts";
import { messagesJson } from "./conversation.ts";
import { answersOf } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Format, PromptEntry, ReadContext, RowGroup, WriteOptions } from "./format.ts";
import { promptRow, responseRow } from "./rows.ts";

const URL = "/v1/chat/completions";
const OWN_ID = /^([0-9a-f]{32}):(\d+)$/;

function readRequest(row: Fields, context: ReadContext): RowGroup {
  const id = row.words("custom_id");
  context.references.once("batch request", [id], row.place, "custom_id");
  if (row.has("url") && !row.text("url").endsWith("/chat/completions")) {
    throw row.problem("url", URL, "other endpoints have no conversations");
  }
  const request = requestOf(row.object("body"));
  const prompt = promptRow(context, { id, messages: request.messages });
  const [, ownKey, sample] = OWN_ID.exec(id) ?? [];
  const isElsewhere = ownKey !== undefined && ownKey !== prompt.key;
  context.references.addRequest(id, {
    promptKey: ownKey ?? prompt.key,
    model: request.model,
    parameters: request.parameters,
    seedIndex:
      sample === undefined ? context.references.nextSample([prompt.key, request.model]) : Number(sample),
  });
  // A prompt with a reference has another key than its messages alone: the store has it already.
  return { place: row.place, prompts: isElsewhere ? [] : [prompt], responses: [], judgements: [] };
}

/** What the provider says of a request that failed. */
function failureOf(row: Fields): { readonly code: string; readonly message: string } | undefined {
  const error = row.optionalObject("error");
  if (error !== undefined)
    return { code: error.optionalText("code") ?? "error", message: error.optionalText("message") ?? "" };
  const response = row.object("response");
  const status = response.count("status_code");
  if (status < 400) return undefined;
  const said = response.optionalObject("body")?.optionalObject("error");
  return { code: said?.optionalText("code") ?? String(status), message: said?.optionalText("message") ?? "" };
}

function readAnswer(row: Fields, context: ReadContext): RowGroup {
  const id = row.words("custom_id");
  context.references.once("batch answer", [id], row.place, "custom_id");
  const request = context.references.request(id);
  if (request === undefined) {
    throw row.problem(
      "custom_id",
      "a request of the files read so far",
      "name the batch's input file in the same command",
    );
  }
  const sampling = {
    revision: request.model,
    template: PROVIDER_TEMPLATE,
    parameters: request.parameters,
    seedIndex: request.seedIndex,
  };
  const { promptKey, model } = request;
  const error = failureOf(row);
  const responses: ResponseRow[] =
    error === undefined
      ? answersOfCompletion(context, row.object("response").object("body"), {
          promptKey,
          model,
          sampling: (_, choice) => ({ ...sampling, seedIndex: request.seedIndex + choice }),
        })
      : [responseRow(context, promptKey, { model, text: "", sampling, status: "error", error })];
  return { place: row.place, prompts: [], responses, judgements: [] };
}

function* writeRequests({ prompt }: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  if (options.model === undefined) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      "model: received nothing, expected the model that the batch asks",
      {
        hint: "name it, for instance --model gpt-4o-mini",
      },
    );
  }
  for (let sample = 0; sample < (options.samples ?? 1); sample++) {
    yield {
      custom_id: `${prompt.key}:${sample}`,
      method: "POST",
      url: URL,
      body: { model: options.model, messages: messagesJson(prompt.messages), ...options.parameters },
    };
  }
}

function* writeAnswers(entry: PromptEntry, options: WriteOptions): Generator<JsonObject> {
  for (const response of answersOf(entry, options)) {
    yield {
      id: `batch_req_${response.key}`,
      custom_id: `${response.promptKey}:${response.seedIndex}`,
      response: { status_code: 200, request_id: response.key, body: completionOf(response) },
      error: null,
    };
  }
}

export const openaiBatchInput: Format = {
  name: "openai-batch",
  summary: "OpenAI batch requests: custom_id, method, url, body",
  recognises: (row) => "custom_id" in row && "body" in row,
  read: readRequest,
  writer: {
    columns: () => [
      { name: "custom_id", type: "text" },
      { name: "method", type: "text" },
      { name: "url", type: "text" },
      { name: "body", type: "json" },
    ],
    rows: writeRequests,
  },
};

export const openaiBatchOutput: Format = {
  name: "openai-batch-output",
  summary: "answers to OpenAI batch requests: custom_id, response, error (with the request file)",
  stage: 1,
  recognises: (row) => "custom_id" in row && "response" in row,
  read: readAnswer,
  writer: {
    columns: () => [
      { name: "id", type: "text" },
      { name: "custom_id", type: "text" },
      { name: "response", type: "json" },
      { name: "error", type: "json" },
    ],
    rows: writeAnswers,
  },
};
