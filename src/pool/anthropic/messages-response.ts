/** From an answer of Anthropic's Messages API to a chat completion. */
import { isJsonObject } from "../../support/json.ts";
import type { ChatResponse, Usage } from "../upstream.ts";

type Json = Record<string, unknown>;

/** Their reasons to stop, as chat completions call them; others count as "stop". */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_calls",
  refusal: "content_filter",
};

export const finishReasonOf = (stopReason: unknown): string => FINISH_REASONS[String(stopReason)] ?? "stop";

const count = (value: unknown): number => (typeof value === "number" ? value : 0);

/** Their prompt count leaves out what came from or went into the cache; chat completions count it all. */
export function usageOf(usage: Json): Usage {
  const cached = count(usage.cache_read_input_tokens);
  const promptTokens = count(usage.input_tokens) + count(usage.cache_creation_input_tokens) + cached;
  const completionTokens = count(usage.output_tokens);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cached > 0 && { prompt_tokens_details: { cached_tokens: cached } }),
  };
}

/** Text blocks are joined; thinking goes into `reasoning_content`; `native_finish_reason` keeps their own word. */
export function completionOf(answer: Json, blocks: readonly Json[], createdSeconds: number): ChatResponse {
  const textOf = (type: string, field: string): string =>
    blocks
      .filter((block) => block.type === type && typeof block[field] === "string")
      .map((block) => block[field])
      .join("");
  const reasoning = textOf("thinking", "thinking");
  const calls = blocks
    .filter((block) => block.type === "tool_use")
    .map(({ id, name, input }) => ({
      id,
      type: "function",
      function: { name, arguments: JSON.stringify(input ?? {}) },
    }));
  const message = {
    role: "assistant",
    content: textOf("text", "text"),
    refusal: null,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  const { id, model, stop_reason: stopReason, usage } = answer;
  return {
    id,
    object: "chat.completion",
    created: createdSeconds,
    model,
    choices: [
      {
        index: 0,
        message,
        logprobs: null,
        finish_reason: finishReasonOf(stopReason),
        native_finish_reason: stopReason,
      },
    ],
    ...(isJsonObject(usage) && { usage: usageOf(usage) }),
  };
}
