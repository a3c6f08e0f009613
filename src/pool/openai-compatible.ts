/** An upstream behind any server that speaks `POST {baseUrl}/chat/completions`. */
import { isJsonObject } from "../support/json.ts";
import { createOpenAiBatches } from "./batch/openai-batches.ts";
import { callForObject, callForStream } from "./http-call.ts";
import { scoreWithPromptLogProbabilities } from "./prompt-log-probabilities.ts";
import { peerAt, type RemoteOptions } from "./remote-options.ts";
import type { CallOptions, ChatChunk, ChatRequest, ChatResponse, Upstream } from "./upstream.ts";
import { unreadable } from "./upstream-failure.ts";

/** How a server gives log-probabilities of a continuation that it is handed. */
export type ContinuationScoring = "prompt_logprobs";

/** `baseUrl` is where `/chat/completions` is found. */
export interface OpenAiCompatibleOptions extends RemoteOptions {
  /** Servers that have vLLM's `prompt_logprobs` can score continuations. */
  readonly continuationScoring?: ContinuationScoring | undefined;
}

/**
 * Makes an upstream. Streams always ask the provider for usage (`stream_options.include_usage`), because
 * costs are computed from it.
 */
export function createOpenAiCompatibleUpstream(options: OpenAiCompatibleOptions): Upstream {
  const peer = peerAt(options, "/chat/completions");
  const callOf = (request: ChatRequest, { signal }: CallOptions, extra: Record<string, unknown> = {}) => ({
    peer,
    body: {
      ...request.parameters,
      model: options.upstreamModel,
      messages: request.messages,
      ...extra,
    },
    headers: options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` },
    signal,
    timeoutMs: options.timeoutMs,
  });
  const chat = async (request: ChatRequest, callOptions: CallOptions): Promise<ChatResponse> => {
    const value = await callForObject(callOf(request, callOptions));
    if (!Array.isArray(value.choices) || !value.choices.every(isJsonObject)) {
      throw unreadable(peer, "the answer has no list of choices");
    }
    return value as ChatResponse;
  };
  return {
    chat,
    batch: createOpenAiBatches(options),

    async *streamChat(request, callOptions): AsyncGenerator<ChatChunk> {
      const streaming = { stream: true, stream_options: { include_usage: true } };
      const choicesOf = (value: Readonly<Record<string, unknown>>): Record<string, unknown>[] => {
        const choices: unknown = value.choices ?? [];
        if (Array.isArray(choices) && choices.every(isJsonObject)) return choices;
        throw unreadable(peer, "an event of the stream has choices that are no list of objects");
      };
      const events = callForStream(callOf(request, callOptions, streaming), (value) =>
        choicesOf(value).some((choice) => typeof choice.finish_reason === "string"),
      );
      for await (const value of events) yield { ...value, choices: choicesOf(value) };
    },

    ...(options.continuationScoring === "prompt_logprobs" && {
      score: (request, callOptions) => scoreWithPromptLogProbabilities(peer, chat, request, callOptions),
    }),
  };
}
