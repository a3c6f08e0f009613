/** Answers and stream pieces on their way to the client, and what they cost in tokens. */
import { type ChatChunk, type ChatResponse, estimateTokens, type Usage } from "../../pool/index.ts";

/** What the gateway fills in where a provider left it out, or knows under another name. */
export interface AnswerIdentity {
  readonly id: string;
  /** Name of the model in the pool. */
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
}

/** A complete answer under the pool's model name. */
export function toWireResponse(response: ChatResponse, identity: AnswerIdentity, usage: Usage) {
  return { ...response, ...identify(response, identity), object: "chat.completion", usage };
}

/** One piece under the pool's model name, without usage, which goes into a piece of its own. */
export function toWireChunk(chunk: ChatChunk, identity: AnswerIdentity) {
  const { usage: _usage, ...rest } = chunk;
  return { ...rest, ...identify(chunk, identity), object: "chat.completion.chunk" };
}

/** The last piece of a stream whose reader asked for usage. */
export function usageChunk(identity: AnswerIdentity, usage: Usage) {
  return { ...identity, object: "chat.completion.chunk", choices: [], usage };
}

function identify(answer: Readonly<Record<string, unknown>>, identity: AnswerIdentity): AnswerIdentity {
  return {
    id: typeof answer.id === "string" && answer.id !== "" ? answer.id : identity.id,
    model: identity.model,
    created: typeof answer.created === "number" ? answer.created : identity.created,
  };
}

/** The provider's counts where they are counts; otherwise estimates, marked as such. */
export function usageOrEstimate(usage: unknown, promptText: string, completionText: string): Usage {
  if (typeof usage === "object" && usage !== null) {
    const {
      prompt_tokens: prompt,
      completion_tokens: completion,
      tutti_source: source,
      ...rest
    } = usage as Usage;
    if (isCount(prompt) && isCount(completion)) {
      const known = source === "recorded" || source === "estimated" ? { tutti_source: source } : {};
      return {
        ...rest,
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: isCount(rest.total_tokens) ? rest.total_tokens : prompt + completion,
        ...known,
      };
    }
  }
  const promptTokens = estimateTokens(promptText);
  const completionTokens = estimateTokens(completionText);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    tutti_source: "estimated",
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The text that an answer or a stream piece carries, over all its choices. */
export function answerText(choices: ChatResponse["choices"], field: "message" | "delta"): string {
  let text = "";
  for (const choice of choices) {
    const part = choice[field];
    if (typeof part !== "object" || part === null) continue;
    const { content } = part as Record<string, unknown>;
    if (typeof content === "string") text += content;
  }
  return text;
}

/** Why the answer ended, where an answer or a stream piece says it. */
export function finishReasonOf([choice]: ChatResponse["choices"]): string | undefined {
  const reason = choice?.finish_reason;
  return typeof reason === "string" ? reason : undefined;
}
