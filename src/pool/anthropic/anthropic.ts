/** An upstream behind Anthropic's Messages API, which speaks chat completions on this side. */
import { isJsonObject } from "../../support/json.ts";
import { createMessageBatches } from "../batch/message-batches.ts";
import { callForObject, callForStream, type HttpCall } from "../http-call.ts";
import { peerAt, type RemoteOptions } from "../remote-options.ts";
import type { CallOptions, ChatChunk, ChatRequest, ChatResponse, Upstream } from "../upstream.ts";
import { unreadable } from "../upstream-failure.ts";
import { anthropicHeaders } from "./headers.ts";
import { messagesBody } from "./messages-request.ts";
import { completionOf } from "./messages-response.ts";
import { MessagesStream } from "./messages-stream.ts";

/** `baseUrl` is where `/v1/messages` is found. */
export interface AnthropicOptions extends RemoteOptions {
  /** Seconds since 1970, for the `created` field of answers. */
  readonly nowSeconds?: () => number;
}

/** Makes an upstream of a model; what of a request has no equal in the API is REQUEST_INVALID, never left out silently. */
export function createAnthropicUpstream(options: AnthropicOptions): Upstream {
  const peer = peerAt(options, "/v1/messages");
  const nowSeconds = options.nowSeconds ?? (() => Math.floor(Date.now() / 1000));
  const callOf = (request: ChatRequest, { signal }: CallOptions, isStream: boolean): HttpCall => ({
    peer,
    body: {
      ...messagesBody(request),
      model: options.upstreamModel,
      ...(isStream && { stream: true }),
    },
    headers: anthropicHeaders(options),
    signal,
    timeoutMs: options.timeoutMs,
  });
  return {
    async chat(request, callOptions): Promise<ChatResponse> {
      const answer = await callForObject(callOf(request, callOptions, false));
      if (!Array.isArray(answer.content) || !answer.content.every(isJsonObject)) {
        throw unreadable(peer, "the answer has no list of content blocks");
      }
      return completionOf(answer, answer.content, nowSeconds());
    },

    batch: createMessageBatches(options, nowSeconds),

    async *streamChat(request, callOptions): AsyncGenerator<ChatChunk> {
      const stream = new MessagesStream(nowSeconds());
      const events = callForStream(callOf(request, callOptions, true), ({ type }) => type === "message_stop");
      for await (const event of events) yield* stream.chunksOf(event);
    },
  };
}
