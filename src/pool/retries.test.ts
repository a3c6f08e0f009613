import { describe, expect, test } from "vitest";
import { type ErrorDetails, TuttiError } from "../support/errors.ts";
import { DEFAULT_RETRIES, isOverload, isRetryable, waitBeforeRetryMs } from "./retries.ts";

const failed = (details: ErrorDetails = {}) => new TuttiError("UPSTREAM_FAILED", "x", { details });

describe("what is tried again", () => {
  test.each([
    ["a broken connection", failed(), true],
    ["500", failed({ upstreamStatus: 500 }), true],
    ["529", failed({ upstreamStatus: 529 }), true],
    ["409", failed({ upstreamStatus: 409 }), true],
    ["401", failed({ upstreamStatus: 401 }), false],
    ["404", failed({ upstreamStatus: 404 }), false],
    ["an account without means", failed({ upstreamStatus: 429, isRetryable: false }), false],
    ["a limit", new TuttiError("UPSTREAM_RATE_LIMITED", "x"), true],
    ["a timeout", new TuttiError("UPSTREAM_TIMEOUT", "x"), true],
    ["a wrong request", new TuttiError("UPSTREAM_REJECTED", "x"), false],
    ["no recording", new TuttiError("REPLAY_MISSING", "x"), false],
    ["a bug", new TypeError("x"), false],
  ])("%s", (_name, failure, expected) => expect(isRetryable(failure)).toBe(expected));
});

test("limits, timeouts and servers that say so are overloads; broken ones are not", () => {
  expect(isOverload(new TuttiError("UPSTREAM_RATE_LIMITED", "x"))).toBe(true);
  expect(isOverload(failed({ upstreamStatus: 503 }))).toBe(true);
  expect(isOverload(failed({ upstreamStatus: 500 }))).toBe(false);
});

describe("waits", () => {
  const policy = { ...DEFAULT_RETRIES, maxAttempts: 9, firstWaitMs: 100, longestWaitMs: 1000 };

  test("double up to the longest, uniform below", () => {
    const waits = [1, 2, 3, 4, 5, 6].map((attempt) => waitBeforeRetryMs(policy, attempt, failed(), () => 1));
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(waitBeforeRetryMs(policy, 3, failed(), () => 0.25)).toBe(100);
  });

  test("differ between processes where nothing else is given", () => {
    const waits = Array.from({ length: 50 }, () => waitBeforeRetryMs(policy, 4, failed()));
    expect(new Set(waits).size).toBeGreaterThan(40);
    expect(waits.every((wait) => wait! >= 0 && wait! <= 800)).toBe(true);
  });

  test("are at least what the provider asks for, and end where it asks for too much", () => {
    const asks = (retryAfterSeconds: number) =>
      new TuttiError("UPSTREAM_RATE_LIMITED", "x", { details: { retryAfterSeconds } });
    expect(waitBeforeRetryMs(policy, 1, asks(0.5), () => 0.5)).toBe(550);
    expect(waitBeforeRetryMs(policy, 1, asks(2), () => 0)).toBeUndefined();
  });

  test("end with the last attempt", () => {
    expect(waitBeforeRetryMs(policy, 9, failed())).toBeUndefined();
  });
});
