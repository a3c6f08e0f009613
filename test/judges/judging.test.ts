/** `judgeStore` over both databases: verifiers, a judging model behind HTTP, budgets, failures, interruption. */
import { describe, expect, it } from "vitest";
import { type JudgedStore, judgementKey, type PromptRow } from "../../src/judged/index.ts";
import {
  BUILT_IN_RUBRICS,
  createJudge,
  createMathematicsJudge,
  createPairwiseJudge,
  createPointwiseJudge,
  type JudgingOptions,
  judgeStore,
  parseJudge,
} from "../../src/judges/index.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { scriptedModel } from "../support/chat-server.ts";
import { collect, promptRow, responseRow } from "../support/store-rows.ts";
import { describeStores, type StorePlace } from "../support/stores.ts";

const rating = BUILT_IN_RUBRICS.rating!;

/** Sums whose answers the larger model knows and the smaller one guesses: right for every even one. */
async function sums(place: StorePlace, count: number): Promise<JudgedStore> {
  const store = await place.open();
  const prompts = Array.from({ length: count }, (_, number) =>
    promptRow(number, { reference: { answer: String(2 * number) } }),
  );
  await store.putPrompts(prompts);
  await store.putResponses(
    prompts.flatMap((prompt, number) => [
      responseRow(prompt, { model: "large", text: `So it is \\boxed{${2 * number}}.` }),
      responseRow(prompt, { model: "small", text: `The answer is ${2 * number + (number % 2)}.` }),
    ]),
  );
  return store;
}

const options = (store: JudgedStore, fields: Partial<JudgingOptions> = {}): JudgingOptions => ({
  store,
  judge: createMathematicsJudge(),
  answers: {},
  ...fields,
});

describeStores((place) => {
  it("writes every verdict with its explanation, and what is there already stays", async () => {
    const store = await sums(place, 10);
    const report = await judgeStore(options(store));
    expect(report).toMatchObject({ total: 20, done: 20, leftOut: 0, end: "done", failures: [] });
    expect(report.models).toEqual([
      { model: "large", verdicts: { correct: 10 }, meanScore: 1 },
      { model: "small", verdicts: { correct: 5, wrong: 5 }, meanScore: 0.5 },
    ]);
    const rows = await collect(store.judgements());
    expect(rows.length).toBe(20);
    for (const row of rows) {
      expect(row.key).toBe(judgementKey(row));
      expect(row).toMatchObject({ judge: "mathematics", judgeVersion: "1", source: report.job });
      expect(row.explanation).toHaveProperty("extracted");
    }
    const again = await judgeStore(options(store));
    expect(again).toMatchObject({ total: 20, done: 20, models: [], end: "done" });
    expect(await collect(store.judgements())).toEqual(rows);
  });

  it("judges what has come since, and another version of the judge judges all", async () => {
    const store = await sums(place, 3);
    await judgeStore(options(store));
    const late = promptRow(99, { reference: { answer: "198" } });
    await store.putPrompts([late]);
    await store.putResponses([responseRow(late, { text: "198" })]);
    const next = await judgeStore(options(store));
    expect(next).toMatchObject({ total: 7, done: 7 });
    expect(next.models).toEqual([{ model: "small", verdicts: { correct: 1 }, meanScore: 1 }]);
    const other = await judgeStore(options(store, { judge: createMathematicsJudge({ form: "any" }) }));
    expect(other.models.map(({ verdicts }) => verdicts)).toEqual([{ correct: 3 }, { correct: 3, wrong: 1 }]);
    expect((await collect(store.judgements())).length).toBe(14);
  });

  it("leaves out what it cannot judge; failed calls are no answers; filters choose", async () => {
    const store = await sums(place, 4);
    const plain = promptRow(50, { domain: "talk" });
    const sum = promptRow(51, { domain: "more", reference: { answer: "102" } });
    await store.putPrompts([plain, sum]);
    await store.putResponses([
      responseRow(plain),
      responseRow(sum, {
        text: "",
        status: "error",
        error: { code: "UPSTREAM_FAILED", message: "no" },
      }),
      responseRow(sum, { model: "late", text: "", status: "empty", source: "gateway" }),
    ]);
    expect(await judgeStore(options(store))).toMatchObject({ total: 9, leftOut: 1 });
    const verdict = (await collect(store.judgements({ models: ["late"] })))[0]!;
    expect(verdict).toMatchObject({ verdict: "no_answer", score: 0 });
    const some = { domains: ["more", "talk"], sources: ["gateway"], models: ["late"] };
    expect(await judgeStore(options(store, { answers: some }))).toMatchObject({ total: 1, leftOut: 0 });
  });

  it("judges the answers that are named, and no others", async () => {
    const store = await sums(place, 4);
    const keys = (await collect(store.responses({ models: ["large"] }))).slice(1).map(({ key }) => key);
    const report = await judgeStore(options(store, { answers: { keys } }));
    expect(report).toMatchObject({ total: 3, done: 3 });
    const judged = (await collect(store.judgements())).map(({ responseKey }) => responseKey);
    expect(judged.sort()).toEqual(keys.sort());
  });

  it("counts failures by kind, goes on, and tries them again with the next run", async () => {
    const store = await sums(place, 4);
    const odd = promptRow(60, { reference: { answer: "" } });
    await store.putPrompts([odd]);
    await store.putResponses([responseRow(odd)]);
    const report = await judgeStore(options(store));
    expect(report).toMatchObject({ total: 9, done: 8, end: "done" });
    expect(report.failures).toEqual([
      { code: "JUDGE_INVALID", count: 1, example: expect.stringContaining('prompt "p-60"') },
    ]);
    expect((await store.work.progress(report.job)).failed).toBe(1);
    expect((await judgeStore(options(store))).failures[0]).toMatchObject({ count: 1 });
  });

  it("two workers at once share the job", async () => {
    const store = await sums(place, 150);
    const other = await place.open();
    const reports = await Promise.all([judgeStore(options(store)), judgeStore(options(other))]);
    const judged = reports.flatMap(({ models }) => models.flatMap(({ verdicts }) => Object.values(verdicts)));
    expect(judged.reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(reports.map(({ done }) => done)).toEqual([300, 300]);
    expect((await collect(store.judgements())).length).toBe(300);
  });

  it("keeps what is under way on abort, and goes on afterwards", async () => {
    const store = await sums(place, 20);
    const stop = new AbortController();
    const { model, bodies } = await scriptedModel(async () => {
      if (bodies().length === 6) stop.abort();
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { text: "[[7]]" };
    });
    const judge = createPointwiseJudge(model, rating);
    const report = await judgeStore(options(store, { judge, maxConcurrency: 3, signal: stop.signal }));
    expect(report.end).toBe("interrupted");
    const first = await collect(store.judgements());
    expect(first.length).toBe(bodies().length);
    expect(first.length).toBeLessThan(12);
    expect((await store.work.progress(report.job)).leased).toBe(0);
    expect((await judgeStore(options(store, { judge }))).end).toBe("done");
    expect(bodies().length).toBe(40);
  });

  it("a budget of tokens or dollars ends it cleanly; the next run counts what was spent", async () => {
    const store = await sums(place, 10);
    const { model, bodies } = await scriptedModel(() => ({ text: "Right. [[9]]" }));
    const judge = createPointwiseJudge(model, { ...rating, parameters: { max_tokens: 50 }, repairs: 0 });
    // A call costs 110 tokens and reserves about 200 before it begins.
    const report = await judgeStore(options(store, { judge, budget: { tokens: 1000 }, maxConcurrency: 2 }));
    expect(report.end).toBe("budget");
    expect(report.spent.tokens).toBe(110 * bodies().length);
    expect(bodies().length).toBeGreaterThan(5);
    expect(bodies().length).toBeLessThan(10);
    const spent = bodies().length;
    const none = await judgeStore(options(store, { judge, budget: { tokens: 1000 } }));
    expect(none).toMatchObject({ end: "budget", done: spent });
    expect(bodies().length).toBe(spent);
    const dollars = await judgeStore(options(store, { judge, budget: { usd: 100 } }));
    expect(dollars.end).toBe("done");
    expect(dollars.spent.usd).toBeCloseTo(20 * 0.2, 9);
    const row = (await collect(store.judgements()))[0]!;
    expect(row).toMatchObject({ costUsd: 0.2, score: 9, explanation: { tokens: 110 } });
  });

  it("compares every two models in one order, or all with one of them", async () => {
    const store = await sums(place, 3);
    const extra = (await collect(store.prompts())).map((prompt: PromptRow) =>
      responseRow(prompt, { model: "another", text: "no idea" }),
    );
    await store.putResponses(extra);
    const { model } = await scriptedModel(() => ({ text: "[[A]]" }));
    const judge = createPairwiseJudge(model, BUILT_IN_RUBRICS.choice!);
    const report = await judgeStore(options(store, { judge }));
    expect(report).toMatchObject({ total: 9, done: 9 });
    expect(report.models.map((each) => each.model)).toEqual([
      "another : large",
      "another : small",
      "large : small",
    ]);
    // Whoever is shown first wins, which is worth a tie.
    expect(report.models[0]!.verdicts).toEqual({ inconsistent: 3 });
    const against = await judgeStore(options(store, { judge, against: "large" }));
    expect(against).toMatchObject({ total: 6, done: 6, models: [] });
  });

  it("a judge that fails for good ends the job and leaves its items open", async () => {
    const store = await sums(place, 30);
    const { model, bodies } = await scriptedModel(() => ({ text: "who are you?", status: 401 }));
    const judge = createPointwiseJudge(model, rating);
    const report = await judgeStore(options(store, { judge, maxConcurrency: 1 }));
    expect(TuttiError.is(report.end)).toBe(true);
    expect(bodies().length).toBe(1);
    expect(await store.work.progress(report.job)).toEqual({ open: 60, leased: 0, done: 0, failed: 0 });
  });
});

describe("verifier", () => {
  it("takes the judge that the reference calls for", async () => {
    const judge = await createJudge(parseJudge("verifier"));
    if (!("judge" in judge)) throw new Error("expected a judge of one answer");
    const sum = promptRow(2, { reference: { answer: "4" } });
    expect(await judge.judge(sum, responseRow(sum, { text: "It is 4" }))).toMatchObject({
      score: 1,
      explanation: { judge: "mathematics" },
    });
    const quiet = promptRow(3, { reference: { constraints: [{ kind: "no-commas" }] } });
    expect(await judge.judge(quiet, responseRow(quiet, { text: "a, b" }))).toMatchObject({
      score: 0,
      explanation: { judge: "constraints" },
    });
    expect(judge.canJudge?.(promptRow(4))).toBe(false);
    expect(judge.canJudge?.(promptRow(5, { reference: { tests: ["assert f(1)"] } }))).toBe(true);
    await expect(judge.judge(promptRow(6), responseRow(sum))).rejects.toMatchObject({
      code: "JUDGE_INVALID",
    });
    await judge.close?.();
  });
});
