/** From what a provider answered, or failed with, to the fields of a response row. */
import type { ResponseRow, ResponseStatus } from "../../judged/index.ts";
import type { TuttiError } from "../../support/errors.ts";
import { isJsonObject } from "../../support/json.ts";
import { costUsd, estimateTokens, type ModelPricing } from "../pricing.ts";
import { type ChatResponse, type ChatTurn, turnText } from "../upstream.ts";

export type Outcome = Pick<
  ResponseRow,
  | "text"
  | "status"
  | "finishReason"
  | "promptTokens"
  | "completionTokens"
  | "costUsd"
  | "logProbability"
  | "error"
>;

/** Answers that say that the model would not, beside a finish reason that may say less. */
const REFUSALS = new Set(["refusal"]);

/**
 * The first choice of an answer. Tokens that the provider did not count are estimated from the text; content that came as a list
 * of parts is joined.
 */
export function outcomeOf(
  answer: ChatResponse,
  messages: readonly ChatTurn[],
  pricing: ModelPricing,
): Outcome {
  const choice = answer.choices[0] ?? {};
  const message = isJsonObject(choice.message) ? choice.message : {};
  const refusal = typeof message.refusal === "string" ? message.refusal : "";
  const said = turnText({ role: "assistant", content: message.content as ChatTurn["content"] });
  const text = said === "" ? refusal : said;
  const native = choice.native_finish_reason;
  const finishReason = typeof native === "string" ? native : choice.finish_reason;
  const promptTokens =
    answer.usage?.prompt_tokens ?? estimateTokens(messages.map((turn) => turnText(turn)).join("\n"));
  const completionTokens = answer.usage?.completion_tokens ?? estimateTokens(text);
  const logProbability = sumOfLogProbabilities(choice.logprobs);
  return {
    text,
    status: statusOf(choice.finish_reason, text, refusal !== "" || REFUSALS.has(String(native))),
    ...(typeof finishReason === "string" && { finishReason }),
    promptTokens,
    completionTokens,
    costUsd: costUsd(pricing, promptTokens, completionTokens),
    ...(logProbability !== undefined && { logProbability }),
  };
}

function statusOf(finishReason: unknown, text: string, isRefusal: boolean): ResponseStatus {
  if (isRefusal) return "refusal";
  if (finishReason === "content_filter") return "filtered";
  if (finishReason === "length") return "truncated";
  return text.trim() === "" ? "empty" : "ok";
}

function sumOfLogProbabilities(logprobs: unknown): number | undefined {
  if (!isJsonObject(logprobs) || !Array.isArray(logprobs.content) || logprobs.content.length === 0) {
    return undefined;
  }
  let sum = 0;
  for (const token of logprobs.content as unknown[]) {
    if (!isJsonObject(token) || typeof token.logprob !== "number") return undefined;
    sum += token.logprob;
  }
  return sum;
}

/** A call that failed for good. */
export function failedOutcome(failure: TuttiError): Outcome {
  return { text: "", status: "error", error: { code: failure.code, message: failure.message } };
}

/** Statuses that every other call would meet too: credentials, rights, address. */
const HOPELESS_STATUSES = new Set([401, 403, 404]);

/** Whether a failure concerns the model rather than the prompt, so that going on is of no use. */
export function isHopeless(failure: TuttiError): boolean {
  if (failure.code !== "UPSTREAM_FAILED") return false;
  const { upstreamStatus, isRetryable } = failure.details;
  return isRetryable === false || HOPELESS_STATUSES.has(Number(upstreamStatus));
}
