/** OpenAI's chat completions: requests and answers, as logs and batch files hold them. */
import type { ChatMessage } from "../record.ts";
import type { JsonObject, ResponseRow } from "../store/rows.ts";
import { exchangeOf, messagesOf } from "./conversation.ts";
import type { Fields } from "./fields.ts";
import type { ReadContext } from "./format.ts";
import { responseRow, type Sampling, statusOf, timeOfSeconds } from "./rows.ts";

/** Fields of a request that do not change what the model writes, or are kept elsewhere. */
const NO_PARAMETERS = [
  "model",
  "messages",
  "seed",
  "stream",
  "stream_options",
  "n",
  "user",
  "metadata",
  "store",
];
/** Where the provider puts the messages together. */
export const PROVIDER_TEMPLATE = "provider";

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly parameters: JsonObject;
}

export function requestOf(body: Fields): ChatRequest {
  const messages = messagesOf(body, "messages");
  // A request may end with the start of an answer, which the model goes on with: it is all prompt.
  exchangeOf(messages, body, "messages");
  return { model: body.words("model"), messages, parameters: body.rest(NO_PARAMETERS) ?? {} };
}

export interface AskedSample {
  readonly promptKey: string;
  readonly model: string;
  readonly sampling: (text: string, choice: number) => Sampling;
}

/** The answers in a chat completion, one a choice. */
export function answersOfCompletion(
  context: ReadContext,
  completion: Fields,
  asked: AskedSample,
): ResponseRow[] {
  const choices = completion.objects("choices");
  if (choices.length === 0)
    throw completion.problem("choices", "at least one choice", "leave out requests that got no answer");
  const usage = completion.optionalObject("usage");
  const isSingle = choices.length === 1;
  return choices.map((choice) => {
    const message = choice.object("message");
    const refusal = message.optionalText("refusal");
    if (!message.has("content") && refusal === undefined) {
      throw message.problem("content", "the answer's text", "leave out answers that are tool calls");
    }
    const text = message.optionalText("content") ?? refusal ?? "";
    const finishReason = choice.optionalText("finish_reason");
    return responseRow(context, asked.promptKey, {
      model: asked.model,
      text,
      sampling: asked.sampling(text, choice.optionalCount("index") ?? 0),
      finishReason,
      status: refusal === undefined ? statusOf(text, finishReason) : "refusal",
      promptTokens: usage?.optionalCount("prompt_tokens"),
      // Of several choices, only their sum is known.
      completionTokens: isSingle ? usage?.optionalCount("completion_tokens") : undefined,
      createdAt: timeOfSeconds(completion.optionalNumber("created")),
    });
  });
}

/** A chat completion as the provider would have answered. */
export function completionOf(response: ResponseRow): JsonObject {
  const { promptTokens, completionTokens } = response;
  const hasUsage = promptTokens !== undefined && completionTokens !== undefined;
  return {
    id: `chatcmpl-${response.key}`,
    object: "chat.completion",
    created: Math.floor(Date.parse(response.createdAt) / 1000),
    model: response.model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: response.text },
        finish_reason: response.finishReason ?? (response.status === "truncated" ? "length" : "stop"),
      },
    ],
    ...(hasUsage && {
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        total_tokens: promptTokens + completionTokens,
      },
    }),
  };
}
