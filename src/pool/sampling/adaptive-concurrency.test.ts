import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AdaptiveConcurrency } from "./adaptive-concurrency.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ANSWER_MS = 100;

/** A provider with so many places that answers what fits and refuses the rest; what it did for `seconds`. */
async function drive(concurrency: AdaptiveConcurrency, places: () => number, seconds: number) {
  let [open, answered, refused] = [0, 0, 0];
  const end = performance.now() + seconds * 1000;
  const limits: number[] = [];
  const call = async (): Promise<void> => {
    const slot = await concurrency.acquire();
    if (performance.now() >= end) return slot.release(false);
    const isAnswered = open < places();
    open++;
    await new Promise((resolve) => setTimeout(resolve, isAnswered ? ANSWER_MS : ANSWER_MS / 10));
    open--;
    if (isAnswered) answered++;
    else {
      refused++;
      slot.overloaded();
    }
    slot.release(isAnswered);
    limits.push(concurrency.limit);
  };
  const calls: Promise<void>[] = [];
  const feed = async (): Promise<void> => {
    while (performance.now() < end) {
      calls.push(call());
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const feeding = feed();
  await vi.advanceTimersByTimeAsync(seconds * 1000 + 10);
  await vi.runAllTimersAsync();
  await feeding;
  return { answered, refused, limits };
}

describe("against a provider that refuses what is too much", () => {
  test("nearly all of its places are used, and few calls are refused", async () => {
    const concurrency = new AdaptiveConcurrency({ most: 500 });
    const { answered, refused } = await drive(concurrency, () => 40, 15);
    const possible = (15_000 / ANSWER_MS) * 40;
    expect(answered / possible).toBeGreaterThan(0.9);
    expect(refused / answered).toBeLessThan(0.1);
  });

  test("a drop in its places is followed within seconds, and so is their return", async () => {
    const concurrency = new AdaptiveConcurrency({ most: 500 });
    const startedMs = performance.now();
    const isNarrow = (): boolean => {
      const seconds = (performance.now() - startedMs) / 1000;
      return seconds > 5 && seconds < 10;
    };
    const { limits } = await drive(concurrency, () => (isNarrow() ? 5 : 40), 25);
    expect(limits.at(-1)).toBeGreaterThan(25);
    expect(Math.min(...limits.slice(limits.length / 4))).toBeLessThanOrEqual(6);
  });
});

test("one that takes everything is given the most", async () => {
  const concurrency = new AdaptiveConcurrency({ most: 64 });
  await drive(concurrency, () => 1000, 5);
  expect(concurrency.limit).toBe(64);
});

test("refusals of one moment count once", async () => {
  const concurrency = new AdaptiveConcurrency({ start: 10, most: 10 });
  const slots = await Promise.all(Array.from({ length: 10 }, () => concurrency.acquire()));
  for (const slot of slots) slot.overloaded();
  expect(concurrency.limit).toBe(9);
  slots[0]!.restart();
  slots[0]!.overloaded();
  expect(concurrency.limit).toBe(8);
});

test("the limit does not grow while it is not used", async () => {
  const concurrency = new AdaptiveConcurrency({ start: 4, most: 64 });
  for (let call = 0; call < 50; call++) (await concurrency.acquire()).release(true);
  expect(concurrency.limit).toBe(4);
});
