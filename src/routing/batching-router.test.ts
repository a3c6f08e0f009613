import { describe, expect, test } from "vitest";
import { batchingRouter } from "./batching-router.ts";
import type { OutcomeRouter } from "./outcome.ts";
import type { Router, RoutingQuery } from "./router.ts";

/** Scores are the prompt's length and its negative; notes the sizes of its runs. */
function lengthRouter(): Router & { readonly runs: number[] } {
  const runs: number[] = [];
  return {
    name: "length",
    candidates: ["a", "b"],
    runs,
    scores: async (queries) => {
      runs.push(queries.length);
      if (queries.some(({ prompt }) => prompt === "fails")) throw new Error("no score for it");
      await new Promise((resolve) => setTimeout(resolve, 5));
      return queries.map(({ prompt }) => Float64Array.of(prompt.length, -prompt.length));
    },
  };
}

const queries = (...prompts: string[]): RoutingQuery[] => prompts.map((prompt) => ({ id: prompt, prompt }));

describe("the batching router", () => {
  test("concurrent calls share a run and get their own rows", async () => {
    const inner = lengthRouter();
    const router = batchingRouter(inner);
    const answers = await Promise.all([
      router.scores(queries("one", "three")),
      router.scores(queries("eleven")),
      router.scores([]),
    ]);
    expect(answers.map((rows) => rows.map((row) => row[0]))).toEqual([[3, 5], [6], []]);
    expect(inner.runs).toEqual([3]);
    expect([router.name, router.candidates]).toEqual(["length", ["a", "b"]]);
  });

  test("what comes during a run is the next one; no run is larger than the limit", async () => {
    const inner = lengthRouter();
    const router = batchingRouter(inner, { maxQueries: 3 });
    const first = router.scores(queries("x"));
    await new Promise((resolve) => setTimeout(resolve, 2));
    await Promise.all([first, ...["a", "b", "c", "d"].map((prompt) => router.scores(queries(prompt)))]);
    expect(inner.runs).toEqual([1, 3, 1]);
    await router.scores(queries("1", "2", "3", "4", "5"));
    expect(inner.runs.at(-1)).toBe(5);
  });

  test("waits for others as long as it may, and no longer than a full run takes to come", async () => {
    const inner = lengthRouter();
    const router = batchingRouter(inner, { maxWaitMs: 100, maxQueries: 2 });
    const startedAt = performance.now();
    const first = router.scores(queries("a"));
    await new Promise((resolve) => setTimeout(resolve, 10));
    await Promise.all([first, router.scores(queries("b"))]);
    expect(inner.runs).toEqual([2]);
    expect(performance.now() - startedAt).toBeLessThan(90);
  });

  test("a failing call fails alone", async () => {
    const router = batchingRouter(lengthRouter());
    const results = await Promise.allSettled([
      router.scores(queries("fine")),
      router.scores(queries("fails")),
      router.scores(queries("well")),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await router.scores(queries("again")))[0]![0]).toBe(5);
  });

  test("an outcome router stays one", async () => {
    const scored = lengthRouter();
    const assess: OutcomeRouter["assess"] = async (asked) =>
      (await scored.scores(asked)).map((scores, index) => ({
        scores,
        estimate: { quality: Float64Array.of(asked[index]!.prompt.length / 10, 0) },
      }));
    const inner: OutcomeRouter = {
      ...scored,
      isCalibrated: true,
      outcomes: async (asked) => (await assess(asked)).map(({ estimate }) => estimate),
      assess,
    };
    const router = batchingRouter(inner) as OutcomeRouter;
    const [[first], [second]] = await Promise.all([
      router.outcomes(queries("two")),
      router.outcomes(queries("four")),
    ]);
    expect([first!.quality[0], second!.quality[0]]).toEqual([0.3, 0.4]);
    expect(router.isCalibrated).toBe(true);
    expect(scored.runs).toEqual([2]);
  });

  test("refuses options out of range", () => {
    expect(() => batchingRouter(lengthRouter(), { maxQueries: 0 })).toThrow(/maxQueries is 0/);
    expect(() => batchingRouter(lengthRouter(), { maxWaitMs: -1 })).toThrow(/maxWaitMs is -1/);
  });
});
