/**
 * Models that answer from recorded responses. Nothing is generated: sampling parameters, stop words and token
 * limits have no effect, and a prompt without a recording is an error.
 */
import { TuttiError } from "../support/errors.ts";
import { estimateTokens } from "./pricing.ts";
import {
  type ChatChunk,
  type ChatRequest,
  type ChatResponse,
  type ChatTurn,
  turnText,
  type Upstream,
  type Usage,
} from "./upstream.ts";

/** What a recording must hold; a judged record does. */
export interface RecordedPrompt {
  readonly prompt: string | readonly { readonly role: string; readonly content: string }[];
  readonly candidates: Readonly<
    Record<string, { readonly response: string; readonly tokens?: number | undefined }>
  >;
}

interface RecordedResponse {
  readonly response: string;
  readonly tokens: number | undefined;
}

/** Recorded responses by conversation and candidate. */
export class ReplayStore {
  readonly #byConversation = new Map<string, Map<string, RecordedResponse>>();
  readonly #candidates = new Set<string>();

  /** Where two records answer the same prompt with the same candidate, the first one stays. */
  constructor(records: Iterable<RecordedPrompt>) {
    for (const record of records) {
      const messages =
        typeof record.prompt === "string" ? [{ role: "user", content: record.prompt }] : record.prompt;
      const key = conversationKey(messages);
      const responses = this.#byConversation.get(key) ?? new Map<string, RecordedResponse>();
      this.#byConversation.set(key, responses);
      for (const [candidate, { response, tokens }] of Object.entries(record.candidates)) {
        this.#candidates.add(candidate);
        if (!responses.has(candidate)) responses.set(candidate, { response, tokens });
      }
    }
  }

  get numPrompts(): number {
    return this.#byConversation.size;
  }

  /** Every candidate that any record holds. */
  get candidates(): readonly string[] {
    return [...this.#candidates];
  }

  /** The first conversation that the candidate answered. */
  example(candidate: string): readonly ChatTurn[] | undefined {
    for (const [key, responses] of this.#byConversation) {
      if (!responses.has(candidate)) continue;
      return (JSON.parse(key) as [string, string][]).map(([role, content]) => ({ role, content }));
    }
    return undefined;
  }

  /**
   * The recorded response to a conversation, compared exactly except for white space at the ends of messages. Tried in this
   * order: the whole conversation, the conversation without system messages, the last user message by itself.
   */
  find(candidate: string, request: ChatRequest): RecordedResponse | undefined {
    const messages = request.messages.map((turn) => ({ role: turn.role, content: turnText(turn) }));
    const lastUser = messages.findLast((message) => message.role === "user");
    const withoutSystem = messages.filter(
      (message) => message.role !== "system" && message.role !== "developer",
    );
    for (const attempt of [messages, withoutSystem, lastUser === undefined ? [] : [lastUser]]) {
      const found = this.#byConversation.get(conversationKey(attempt))?.get(candidate);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function conversationKey(messages: readonly { readonly role: string; readonly content: string }[]): string {
  return JSON.stringify(messages.map(({ role, content }) => [role, content.trim()]));
}

export interface ReplayOptions {
  /** Name in the pool, for messages. */
  readonly name: string;
  /** Name of the candidate in the records. */
  readonly candidate: string;
  readonly store: ReplayStore;
  /** Seconds since 1970, for the `created` field of answers. */
  readonly nowSeconds?: () => number;
}

/** Answers of one candidate, from a store that several models may share. */
export function createReplayUpstream(options: ReplayOptions): Upstream {
  const nowSeconds = options.nowSeconds ?? (() => Math.floor(Date.now() / 1000));
  const lookUp = (request: ChatRequest): RecordedResponse => {
    const { n } = request.parameters;
    if (typeof n === "number" && n > 1) {
      throw new TuttiError(
        "REQUEST_INVALID",
        `n: received ${n}, but model "${options.name}" has one recorded response a prompt`,
        {
          details: { param: "n" },
          hint: "leave n out",
        },
      );
    }
    const found = options.store.find(options.candidate, request);
    if (found !== undefined) return found;
    throw new TuttiError(
      "REPLAY_MISSING",
      `model "${options.name}" has no recorded response to this prompt`,
      {
        details: { model: options.name },
        hint: "replay models answer only prompts of their recorded files, compared exactly; send one of those, or use a live model",
      },
    );
  };

  return {
    example: () => options.store.example(options.candidate),
    identity: async () => ({ revision: `recorded:${options.candidate}`, template: "recorded" }),

    async chat(request, { signal }): Promise<ChatResponse> {
      signal.throwIfAborted();
      const recorded = lookUp(request);
      const message = { role: "assistant", content: recorded.response, refusal: null };
      return {
        object: "chat.completion",
        created: nowSeconds(),
        choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
        usage: usageOf(request, recorded),
      };
    },

    async *streamChat(request, { signal }): AsyncGenerator<ChatChunk> {
      const recorded = lookUp(request);
      const base = { object: "chat.completion.chunk", created: nowSeconds() };
      const piece = (delta: Record<string, unknown>, finishReason: string | null): ChatChunk => ({
        ...base,
        choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      });
      yield piece({ role: "assistant", content: "" }, null);
      for (const text of splitIntoPieces(recorded.response)) {
        signal.throwIfAborted();
        yield piece({ content: text }, null);
      }
      yield piece({}, "stop");
      yield { ...base, choices: [], usage: usageOf(request, recorded) };
    },
  };
}

/** A word with the white space before it, at most 32 code points of it; no code point is ever split. */
const PIECE = /\s*\S{1,32}|\s+/gu;

/** Cuts a response into pieces of about a word, whose concatenation is the response. */
export function splitIntoPieces(text: string): readonly string[] {
  return text.match(PIECE) ?? [];
}

function usageOf(request: ChatRequest, recorded: RecordedResponse): Usage {
  const promptTokens = estimateTokens(request.messages.map(turnText).join("\n"));
  const completionTokens = recorded.tokens ?? estimateTokens(recorded.response);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    tutti_source: recorded.tokens === undefined ? "estimated" : "recorded",
  };
}
