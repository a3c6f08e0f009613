/** An upstream that keeps a model's limits and tries again what may succeed later. */
import { setTimeout as wait } from "node:timers/promises";
import { TuttiError } from "../support/errors.ts";
import { Deadline } from "./deadline.ts";
import { estimateTokens } from "./pricing.ts";
import { type Permit, RateLimiter, type RateLimits } from "./rate-limiter.ts";
import { type RetryPolicy, waitBeforeRetryMs } from "./retries.ts";
import {
  type CallOptions,
  type ChatChunk,
  type ChatRequest,
  turnText,
  type Upstream,
  type Usage,
} from "./upstream.ts";

export interface ResilienceOptions {
  /** Name in the pool, for messages. */
  readonly name: string;
  readonly limits: RateLimits;
  readonly retries: RetryPolicy;
  /** Uniform in [0, 1); for tests. */
  readonly random?: () => number;
}

/** Tokens that an answer without a limit of its own is counted with before its length is known. */
const USUAL_ANSWER_TOKENS = 512;

/**
 * Wraps an upstream. Every attempt waits for the limits; a stream is tried again only until its first part has come.
 *
 * @throws {TuttiError} as the upstream, after the last attempt; UPSTREAM_TIMEOUT when the total time is over
 */
export function createResilientUpstream(upstream: Upstream, options: ResilienceOptions): Upstream {
  const limiter = new RateLimiter(options.limits);
  const attempt = <Result>(
    tokens: number,
    callOptions: CallOptions,
    call: (callOptions: CallOptions) => Promise<Result>,
  ): Promise<Started<Result>> => withAttempts(options, limiter, tokens, callOptions, call);
  const { score } = upstream;
  return {
    ...upstream,

    async chat(request, callOptions) {
      const { result, permit } = await attempt(expectedTokens(request), callOptions, (inner) =>
        upstream.chat(request, inner),
      );
      permit.release(totalOf(result.usage));
      return result;
    },

    async *streamChat(request, callOptions): AsyncGenerator<ChatChunk> {
      const { result, permit } = await attempt(expectedTokens(request), callOptions, (inner) =>
        openStream(upstream, request, callOptions, inner.signal),
      );
      let tokens: number | undefined;
      try {
        for (let part = result.first; part.done !== true; part = await result.rest.next()) {
          tokens = totalOf(part.value.usage ?? undefined) ?? tokens;
          yield part.value;
        }
      } finally {
        await result.rest.return?.();
        permit.release(tokens);
      }
    },

    ...(score && {
      async score(request, callOptions) {
        const tokens = estimateTokens(request.continuation) + promptTokensOf(request.messages);
        const { result, permit } = await attempt(tokens, callOptions, (inner) => score(request, inner));
        permit.release();
        return result;
      },
    }),
  };
}

interface OpenStream {
  readonly first: IteratorResult<ChatChunk>;
  readonly rest: AsyncIterator<ChatChunk>;
}

/** A stream whose first part has come. @param opening aborts until then; afterwards the caller's signal alone does */
async function openStream(
  upstream: Upstream,
  request: ChatRequest,
  callOptions: CallOptions,
  opening: AbortSignal,
): Promise<OpenStream> {
  const cut = new AbortController();
  const follow = (): void => cut.abort(opening.reason);
  opening.addEventListener("abort", follow, { once: true });
  const signal = AbortSignal.any([callOptions.signal, cut.signal]);
  const rest = upstream.streamChat(request, { ...callOptions, signal })[Symbol.asyncIterator]();
  try {
    return { first: await rest.next(), rest };
  } finally {
    opening.removeEventListener("abort", follow);
  }
}

/** What an attempt came to, under a permit that is still to be given back. */
interface Started<Result> {
  readonly result: Result;
  readonly permit: Permit;
}

async function withAttempts<Result>(
  { name, retries, random }: ResilienceOptions,
  limiter: RateLimiter,
  tokens: number,
  callOptions: CallOptions,
  call: (callOptions: CallOptions) => Promise<Result>,
): Promise<Started<Result>> {
  const total = new Deadline(callOptions.signal, retries.totalTimeoutMs);
  const inner = { ...callOptions, signal: total.signal };
  try {
    for (let attempt = 1; ; attempt++) {
      const permit = await bothPermits(limiter, tokens, callOptions, total.signal);
      try {
        callOptions.onAttempt?.();
        return { result: await call(inner), permit };
      } catch (failure) {
        permit.release();
        const waitMs = total.signal.aborted
          ? undefined
          : waitBeforeRetryMs(retries, attempt, failure, random);
        if (waitMs === undefined) throw failure;
        callOptions.onRetry?.(failure as TuttiError);
        await wait(waitMs, undefined, { signal: total.signal });
      }
    }
  } catch (failure) {
    if (callOptions.signal.aborted) throw callOptions.signal.reason;
    if (!total.hasPassed) throw failure;
    throw new TuttiError(
      "UPSTREAM_TIMEOUT",
      `model "${name}" gave no answer within ${retries.totalTimeoutMs} ms, waits and further attempts included`,
      {
        cause: failure,
        details: { model: name, totalTimeoutMs: retries.totalTimeoutMs, isRetryable: false },
        hint: "raise totalTimeoutMs of the model in the pool file, or lower its load",
      },
    );
  } finally {
    total.end();
  }
}

/** Leave of the limits that are shared, then of this process's. */
async function bothPermits(
  limiter: RateLimiter,
  tokens: number,
  { leave }: CallOptions,
  signal: AbortSignal,
): Promise<Permit> {
  const shared = await leave?.(tokens, signal);
  const permit = await limiter.acquire(tokens, signal);
  if (shared === undefined) return permit;
  return {
    release: (taken) => {
      permit.release(taken);
      shared.settle(taken);
    },
  };
}

function expectedTokens({ messages, parameters }: ChatRequest): number {
  const limit = parameters.max_completion_tokens ?? parameters.max_tokens;
  return promptTokensOf(messages) + (typeof limit === "number" ? limit : USUAL_ANSWER_TOKENS);
}

function promptTokensOf(messages: ChatRequest["messages"]): number {
  return messages.reduce((sum, turn) => sum + estimateTokens(turnText(turn)), 0);
}

function totalOf(usage: Usage | undefined): number | undefined {
  const sum = (usage?.prompt_tokens ?? Number.NaN) + (usage?.completion_tokens ?? Number.NaN);
  return Number.isFinite(sum) ? sum : undefined;
}
