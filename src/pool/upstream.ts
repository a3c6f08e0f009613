/**
 * What a model of the pool can do, whoever answers. Requests and answers keep the chat-completions objects, so that
 * parameters and fields that Tutti does not know pass through unchanged.
 */
import type { TuttiError } from "../support/errors.ts";

export interface ContentPart {
  readonly type: string;
  readonly text?: string | undefined;
  readonly [extra: string]: unknown;
}

/** One message of the conversation, as the client sent it. */
export interface ChatTurn {
  readonly role: string;
  readonly content?: string | readonly ContentPart[] | null | undefined;
  readonly [extra: string]: unknown;
}

export interface ChatRequest {
  readonly messages: readonly ChatTurn[];
  /** Every other field of the request body except `model`, `stream` and `stream_options`. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Token counts of one answer. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /**
   * Present when the counts do not come from a provider: `recorded` (the completion count stands in the recording,
   * the prompt count is estimated) or `estimated` (both are; see `estimateTokens`).
   */
  readonly tutti_source?: UsageSource | undefined;
  readonly [extra: string]: unknown;
}

export type UsageSource = "upstream" | "recorded" | "estimated";

/** A complete answer. Lenient: only what the gateway reads is named. */
export interface ChatResponse {
  readonly choices: readonly Readonly<Record<string, unknown>>[];
  readonly usage?: Usage | undefined;
  readonly [extra: string]: unknown;
}

/** One piece of a streamed answer; the last may carry `usage` and no choices. */
export interface ChatChunk {
  readonly choices: readonly Readonly<Record<string, unknown>>[];
  readonly usage?: Usage | null | undefined;
  readonly [extra: string]: unknown;
}

/** Leave to make one call, from limits that others share. */
export interface Leave {
  /** The call took this many tokens; without a number the estimate stands. */
  settle(tokens?: number): void;
}

export interface CallOptions {
  /** Aborting ends the call and frees the connection to the provider. */
  readonly signal: AbortSignal;
  /** Asked before every attempt, with the tokens that it is expected to take; the attempt waits for it. */
  readonly leave?: ((tokens: number, signal: AbortSignal) => Promise<Leave>) | undefined;
  /** Called when an attempt begins, after any wait for a limit; the first one too. */
  readonly onAttempt?: (() => void) | undefined;
  /** Called with the failure of an attempt that another one will follow. */
  readonly onRetry?: ((failure: TuttiError) => void) | undefined;
}

/** A conversation and how the model might go on. */
export interface ScoreRequest {
  readonly messages: readonly ChatTurn[];
  readonly continuation: string;
}

/** Log-probabilities of a given continuation under the model, in nats. */
export interface ContinuationLogProbabilities {
  /** Sum over the tokens. */
  readonly logProbability: number;
  /** One a token of the continuation; `text` where the server tells it. */
  readonly tokens: readonly { readonly logProbability: number; readonly text?: string }[];
}

/** A request of a batch. */
export interface BatchRequest {
  /** 1 to 64 letters, digits, `-` and `_`; the answer comes back under it. */
  readonly id: string;
  readonly request: ChatRequest;
}

/** How far a provider is with a batch. Requests that have failed are among those done. */
export interface BatchState {
  readonly status: "running" | "ended" | "failed";
  readonly done: number;
  readonly total: number;
  /** Why it failed as a whole. */
  readonly problem?: string;
}

/** What came of one request: an answer, or why there is none. `isFinal`: asked again it would fail again. */
export type BatchResult = { readonly id: string } & (
  | { readonly answer: ChatResponse }
  | { readonly failure: TuttiError; readonly isFinal: boolean }
);

/** A batch that the provider may or may not have. */
export interface SoughtBatch {
  /** As it was submitted under. */
  readonly name: string;
  readonly requests: number;
  readonly askedMs: number;
  readonly ids: ReadonlySet<string>;
  /** The provider's names of batches that are others. */
  readonly known: ReadonlySet<string>;
}

/** Requests by the thousand at a lower price, answered within a day. Failures are those of `chat`. */
export interface BatchEndpoint {
  readonly mostRequests: number;
  readonly mostBytes: number;
  /** What a request adds to a batch, in bytes. */
  sizeBytes(request: BatchRequest): number;
  /** Returns the provider's name of the batch. */
  submit(name: string, requests: readonly BatchRequest[], signal: AbortSignal): Promise<string>;
  /** The provider's name of a batch that it was asked to take, `none`, or `unsure` as long as it cannot be told. */
  find(
    sought: SoughtBatch,
    signal: AbortSignal,
  ): Promise<{ readonly providerName: string } | "none" | "unsure">;
  state(providerName: string, signal: AbortSignal): Promise<BatchState>;
  /** Of a batch that has ended; requests that were never begun may be left out. */
  results(providerName: string, signal: AbortSignal): AsyncIterable<BatchResult>;
  /** What is answered already stays. */
  cancel(providerName: string, signal: AbortSignal): Promise<void>;
}

/** What of a model's identity can be known before it answers. */
export interface ModelIdentity {
  /** Hash of the weights, or the provider's name of the model. */
  readonly revision: string;
  /** Hash of the chat template; "provider" where the provider applies its own. */
  readonly template: string;
}

/**
 * Where a model's answers come from.
 *
 * Failures are `TuttiError`s: UPSTREAM_FAILED, UPSTREAM_TIMEOUT, UPSTREAM_REJECTED (the provider found the request
 * wrong), UPSTREAM_RATE_LIMITED, REPLAY_MISSING. An aborted call rejects with the signal's reason.
 */
export interface Upstream {
  chat(request: ChatRequest, options: CallOptions): Promise<ChatResponse>;
  /** Usage comes in the stream where the provider gives it. Leaving the loop early ends the call. */
  streamChat(request: ChatRequest, options: CallOptions): AsyncIterable<ChatChunk>;
  /** Absent where the provider has no way to score text that it did not make. */
  readonly score?:
    | ((request: ScoreRequest, options: CallOptions) => Promise<ContinuationLogProbabilities>)
    | undefined;
  /** Absent where the provider sells none. */
  readonly batch?: BatchEndpoint | undefined;
  /** A conversation that it can answer, where it cannot answer all. */
  readonly example?: (() => readonly ChatTurn[] | undefined) | undefined;
  /** Absent where only the name is known. */
  readonly identity?: (() => Promise<ModelIdentity>) | undefined;
  /** Frees models held in memory. */
  readonly close?: (() => Promise<void>) | undefined;
}

/** The words of a message; parts that are not text are left out, text parts are joined by line ends. */
export function turnText(turn: ChatTurn): string {
  if (typeof turn.content === "string") return turn.content;
  if (!Array.isArray(turn.content)) return "";
  const parts = turn.content as readonly ContentPart[];
  return parts
    .filter((part) => part.type === "text" && typeof part.text === "string")
    .map((part) => part.text)
    .join("\n");
}
