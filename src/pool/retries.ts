/** When a failed call is worth another attempt, and how long to wait before it. */
import { randomInt } from "node:crypto";
import { TuttiError } from "../support/errors.ts";

export interface RetryPolicy {
  /** The first one included. */
  readonly maxAttempts: number;
  /** Upper end of the first wait; doubles with every attempt. */
  readonly firstWaitMs: number;
  /** Longest wait. A provider that asks for more is not asked again. */
  readonly longestWaitMs: number;
  /** Longest time for all attempts and waits; of a stream until its first part. */
  readonly totalTimeoutMs: number;
}

export const DEFAULT_RETRIES: RetryPolicy = {
  maxAttempts: 4,
  firstWaitMs: 500,
  longestWaitMs: 60_000,
  totalTimeoutMs: 600_000,
};

/** Statuses below 500 that a later attempt may not meet: timeout, conflict, too early, too many. */
const PASSING_STATUSES = new Set([408, 409, 425, 429]);

/** Whether the same call may succeed later: limits, timeouts, broken connections and servers, garbled answers. */
export function isRetryable(failure: unknown): boolean {
  if (!TuttiError.is(failure)) return false;
  const { isRetryable: said, upstreamStatus: status } = failure.details;
  if (typeof said === "boolean") return said;
  if (failure.code === "UPSTREAM_RATE_LIMITED" || failure.code === "UPSTREAM_TIMEOUT") return true;
  if (failure.code !== "UPSTREAM_FAILED") return false;
  return typeof status !== "number" || status >= 500 || PASSING_STATUSES.has(status);
}

/** Whether a failure says that the provider gets more than it can take: then less should be sent. */
export function isOverload(failure: unknown): boolean {
  if (!TuttiError.is(failure)) return false;
  if (failure.code === "UPSTREAM_RATE_LIMITED" || failure.code === "UPSTREAM_TIMEOUT") return true;
  // 529 is Anthropic's "overloaded".
  return failure.details.upstreamStatus === 503 || failure.details.upstreamStatus === 529;
}

/** Uniform in [0, 1), different in every process. */
const systemRandom = (): number => randomInt(2 ** 32) / 2 ** 32;

/**
 * Milliseconds to wait after the `attempt`-th attempt (from 1) failed; undefined when there is none to follow. Full jitter: uniform
 * up to `firstWaitMs * 2^(attempt - 1)`, on top of what the provider asks for in Retry-After.
 */
export function waitBeforeRetryMs(
  policy: RetryPolicy,
  attempt: number,
  failure: unknown,
  random: () => number = systemRandom,
): number | undefined {
  if (attempt >= policy.maxAttempts || !isRetryable(failure)) return undefined;
  const { retryAfterSeconds } = (failure as TuttiError).details;
  const askedMs = typeof retryAfterSeconds === "number" ? retryAfterSeconds * 1000 : 0;
  if (askedMs > policy.longestWaitMs) return undefined;
  const spreadMs = Math.min(policy.longestWaitMs, policy.firstWaitMs * 2 ** (attempt - 1));
  return Math.min(policy.longestWaitMs, askedMs + random() * spreadMs);
}
