import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RandomStream } from "../tensor/random.ts";
import { type Permit, RateLimiter, type RateLimits } from "./rate-limiter.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = (): AbortSignal => new AbortController().signal;

/** Starts a call of every size at once, each taking `durationMs`; when each was let in, and what it then took. */
async function admissions(limits: RateLimits, sizes: readonly number[], durationMs: number) {
  const limiter = new RateLimiter(limits);
  const startedMs = performance.now();
  const admitted: { atMs: number; tokens: number }[] = [];
  let [running, mostRunning] = [0, 0];
  const calls = sizes.map(async (tokens) => {
    const permit = await limiter.acquire(tokens, never());
    admitted.push({ atMs: performance.now() - startedMs, tokens });
    mostRunning = Math.max(mostRunning, ++running);
    await new Promise((resolve) => setTimeout(resolve, durationMs));
    running--;
    permit.release(tokens);
  });
  await vi.runAllTimersAsync();
  await Promise.all(calls);
  return { admitted, mostRunning };
}

/** The most in any 60 seconds; windows that begin with a call are enough. */
function busiestMinute(
  admitted: readonly { atMs: number; tokens: number }[],
  of: (call: { tokens: number }) => number,
) {
  const sums = admitted.map(({ atMs: from }) =>
    admitted
      .filter(({ atMs }) => atMs >= from && atMs < from + 60_000)
      .reduce((sum, call) => sum + of(call), 0),
  );
  return Math.max(...sums);
}

test("no more calls at once than allowed, and all of them in the end", async () => {
  const { admitted, mostRunning } = await admissions({ concurrency: 3 }, Array(20).fill(1), 100);
  expect(mostRunning).toBe(3);
  expect(admitted.length).toBe(20);
});

describe("no minute holds more than the limits", () => {
  test("of calls", async () => {
    const { admitted } = await admissions({ requestsPerMinute: 7 }, Array(40).fill(1), 5);
    expect(busiestMinute(admitted, () => 1)).toBe(7);
    // 40 calls are 5 full minutes and a part of the sixth: nothing waits longer than it must.
    expect(admitted.at(-1)!.atMs).toBeLessThan(5 * 60_000 + 100);
  });

  test("of tokens, for random sizes", async () => {
    const random = new RandomStream({ seed: 4, stream: 0 });
    const sizes = Array.from({ length: 60 }, () => 1 + Math.floor(random.nextUniform() * 400));
    const { admitted } = await admissions({ tokensPerMinute: 1000, concurrency: 5 }, sizes, 50);
    expect(admitted.length).toBe(60);
    expect(busiestMinute(admitted, ({ tokens }) => tokens)).toBeLessThanOrEqual(1000);
    expect(busiestMinute(admitted, ({ tokens }) => tokens)).toBeGreaterThan(600);
  });
});

test("a call larger than the whole limit goes alone", async () => {
  const { admitted } = await admissions({ tokensPerMinute: 100 }, [10, 500, 10], 5);
  expect(admitted.map(({ atMs }) => Math.round(atMs / 60_000))).toEqual([0, 1, 2]);
});

test("tokens that were not taken make room again", async () => {
  const limiter = new RateLimiter({ tokensPerMinute: 100 });
  (await limiter.acquire(100, never())).release(20);
  let second: Permit | undefined;
  void limiter.acquire(80, never()).then((permit) => {
    second = permit;
  });
  await vi.advanceTimersByTimeAsync(1);
  expect(second).toBeDefined();
});

test("one that gives up waiting leaves its place to the next", async () => {
  const limiter = new RateLimiter({ concurrency: 1 });
  const first = await limiter.acquire(1, never());
  const leaving = new AbortController();
  const left = limiter.acquire(1, leaving.signal);
  const third = limiter.acquire(1, never());
  leaving.abort(new Error("no longer"));
  await expect(left).rejects.toThrow("no longer");
  first.release();
  await expect(third).resolves.toBeDefined();
});
