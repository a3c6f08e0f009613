/** An upstream behind any server that speaks `POST {baseUrl}/chat/completions`. */
import { messageOf, TuttiError } from "../support/errors.ts";
import { Deadline } from "./deadline.ts";
import { readEventStream } from "./event-stream.ts";
import type { CallOptions, ChatChunk, ChatRequest, ChatResponse, Upstream } from "./upstream.ts";
import { type Peer, readAnswerText, refusal, unreadable } from "./upstream-failure.ts";

export interface OpenAiCompatibleOptions {
  /** Name in the pool, for messages. */
  readonly name: string;
  readonly baseUrl: string;
  /** Model name that the provider knows. */
  readonly upstreamModel: string;
  readonly apiKey?: string | undefined;
  /** Where the key came from, for messages. */
  readonly apiKeyEnv?: string | undefined;
  /** Longest wait for a complete answer, or in a stream for its next part. */
  readonly timeoutMs: number;
  readonly fetch?: typeof fetch | undefined;
}

/**
 * Makes an upstream over `fetch`. Streams always ask the provider for usage (`stream_options.include_usage`), because
 * costs are computed from it.
 */
export function createOpenAiCompatibleUpstream(options: OpenAiCompatibleOptions): Upstream {
  const peer: Peer = {
    model: options.name,
    url: `${options.baseUrl.replace(/\/+$/, "")}/chat/completions`,
    apiKey: options.apiKey,
    apiKeyEnv: options.apiKeyEnv,
  };
  const send = async (request: ChatRequest, isStream: boolean, deadline: Deadline): Promise<Response> => {
    const response = await (options.fetch ?? fetch)(peer.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: isStream ? "text/event-stream" : "application/json",
        ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
      },
      body: JSON.stringify({
        ...request.parameters,
        model: options.upstreamModel,
        messages: request.messages,
        ...(isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
      }),
      // A redirected POST loses its body or its key; report it instead.
      redirect: "manual",
      signal: deadline.signal,
    });
    if (!response.ok) throw await refusal(peer, response);
    return response;
  };

  return {
    async chat(request, { signal }: CallOptions): Promise<ChatResponse> {
      const deadline = new Deadline(signal, options.timeoutMs);
      try {
        const response = await send(request, false, deadline);
        return parseResponse(peer, await readAnswerText(peer, response));
      } catch (thrown) {
        throw inContext(peer, thrown, signal, deadline);
      } finally {
        deadline.end();
      }
    },

    async *streamChat(request, { signal }: CallOptions): AsyncGenerator<ChatChunk> {
      const deadline = new Deadline(signal, options.timeoutMs);
      try {
        const response = await send(request, true, deadline);
        yield* readChunks(peer, response, deadline);
      } catch (thrown) {
        throw inContext(peer, thrown, signal, deadline);
      } finally {
        // Also when the reader leaves early: closes the connection to the provider.
        deadline.end();
      }
    },
  };
}

/** The client's abort stays itself; a passed deadline and failures of the connection become typed errors. */
function inContext(peer: Peer, thrown: unknown, signal: AbortSignal, deadline: Deadline): unknown {
  if (signal.aborted) return signal.reason;
  if (deadline.hasPassed) {
    return new TuttiError(
      "UPSTREAM_TIMEOUT",
      `model "${peer.model}" did not answer within ${deadline.timeoutMs} ms`,
      {
        cause: thrown,
        details: { model: peer.model, timeoutMs: deadline.timeoutMs },
        hint: "raise timeoutMs of the model in the pool file, or check the provider",
      },
    );
  }
  if (TuttiError.is(thrown)) return thrown;
  const reason =
    thrown instanceof Error && thrown.cause !== undefined ? messageOf(thrown.cause) : messageOf(thrown);
  return new TuttiError("UPSTREAM_FAILED", `model "${peer.model}" could not be reached: ${reason}`, {
    cause: thrown,
    details: { model: peer.model },
    hint: "check that the server at the model's baseUrl runs and can be reached",
  });
}

function parseResponse(peer: Peer, text: string): ChatResponse {
  const value = parseObject(peer, text, "the answer");
  if (!Array.isArray(value.choices) || !value.choices.every(isObject)) {
    throw unreadable(peer, "the answer has no list of choices");
  }
  return value as ChatResponse;
}

async function* readChunks(peer: Peer, response: Response, deadline: Deadline): AsyncGenerator<ChatChunk> {
  const type = response.headers.get("content-type") ?? "";
  if (!type.toLowerCase().startsWith("text/event-stream") || response.body === null) {
    throw unreadable(
      peer,
      `asked for a stream of text/event-stream, received ${type.slice(0, 100) || "no content type"}`,
    );
  }
  let hasFinished = false;
  for await (const { data } of readEventStream(response.body)) {
    deadline.extend();
    if (data.trim() === "[DONE]") return;
    const value = parseObject(peer, data, "an event of the stream");
    if (value.error !== undefined && value.error !== null) {
      throw unreadable(peer, "the provider reported an error inside the stream", value.error);
    }
    const choices: unknown = value.choices ?? [];
    if (!Array.isArray(choices) || !choices.every(isObject)) {
      throw unreadable(peer, "an event of the stream has choices that are no list of objects");
    }
    hasFinished ||= choices.some((choice) => typeof choice.finish_reason === "string");
    // Time that the reader takes is not the provider's: the clock stands still while a chunk is out.
    deadline.pause();
    yield { ...value, choices };
    deadline.extend();
  }
  if (!hasFinished) throw unreadable(peer, "the stream ended before the answer did");
}

function parseObject(peer: Peer, text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(peer, `${what} is not JSON`, undefined, cause);
  }
  if (!isObject(value)) throw unreadable(peer, `${what} is not a JSON object`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
