import { expect, test } from "vitest";
import { collect, judgementRow, promptRow, responseRow, selectionRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const HOSTILE =
  "nul \u0000, escape \u0010, half \ud83d pairs \udc00, whole 😀, \\u0000, 'quote', \"double\", \u2028";

describeStores((place) => {
  test("rows come back as they were put, whatever characters they hold", async () => {
    const store = await place.open();
    const prompt = promptRow(1, {
      id: HOSTILE,
      messages: [
        { role: "system", content: HOSTILE },
        { role: "user", content: "Hi" },
      ],
      split: "train",
      sourceRevision: "abc",
      reference: { answer: HOSTILE, nested: [1, null, { a: true }] },
      extra: { [HOSTILE]: 1.25 },
    });
    const response = responseRow(prompt, {
      text: HOSTILE,
      model: HOSTILE,
      finishReason: "stop",
      promptTokens: 3,
      completionTokens: 4,
      costUsd: 1e-7,
      latencyMs: 12.5,
      logProbability: -3.25,
    });
    const failed = responseRow(prompt, {
      status: "error",
      error: { code: "UPSTREAM_FAILED", message: HOSTILE },
      text: "",
    });
    const judgement = judgementRow(response, {
      score: null,
      verdict: "judge_failed",
      costUsd: 0.5,
      explanation: { HOSTILE },
    });
    const pairwise = judgementRow(response, { rivalKey: failed.key, score: 0.5 });
    const selection = selectionRow(prompt, {
      responseKey: response.key,
      rejectedKey: failed.key,
      isKept: false,
    });
    expect(await store.putPrompts([prompt])).toEqual({ inserted: 1, existing: 0 });
    expect(await store.putResponses([response, failed])).toEqual({ inserted: 2, existing: 0 });
    expect(await store.putJudgements([judgement, pairwise])).toEqual({ inserted: 2, existing: 0 });
    expect(await store.putSelections([selection])).toEqual({ inserted: 1, existing: 0 });
    expect(await collect(store.prompts())).toEqual([prompt]);
    expect(await collect(store.responses({ models: [HOSTILE] }))).toEqual([response]);
    expect(await collect(store.responses({ statuses: ["error"] }))).toEqual([failed]);
    expect(new Set(await collect(store.judgements()))).toEqual(new Set([judgement, pairwise]));
    expect(await collect(store.selections("best"))).toEqual([selection]);
  });

  test("rows that are there stay as they are; only failed responses are replaced", async () => {
    const store = await place.open();
    const prompt = promptRow(1);
    const answer = responseRow(prompt);
    const failed = responseRow(prompt, { text: "", status: "error", error: { code: "X", message: "first" } });
    await store.putPrompts([prompt]);
    expect(await store.putPrompts([{ ...prompt, id: "other" }])).toEqual({ inserted: 0, existing: 1 });
    expect((await collect(store.prompts()))[0]!.id).toBe("p-1");
    await store.putResponses([failed]);
    expect(await store.existing("responses", [answer.key])).toEqual(new Set());
    expect(await store.putResponses([failed, answer])).toEqual({ inserted: 1, existing: 1 });
    expect(await collect(store.responses())).toEqual([answer]);
    expect(await store.existing("responses", [answer.key, "0"])).toEqual(new Set([answer.key]));
    expect(await store.putResponses([failed, { ...answer, text: "other" }])).toEqual({
      inserted: 0,
      existing: 2,
    });
    expect(await collect(store.responses())).toEqual([answer]);
  });

  test("a change of parameters, seed, revision or judge version is another row", async () => {
    const store = await place.open();
    const prompt = promptRow(1);
    const answers = [
      responseRow(prompt),
      responseRow(prompt, { parameters: { temperature: 0.7 } }),
      responseRow(prompt, { seedIndex: 1 }),
      responseRow(prompt, { modelRevision: "2" }),
      responseRow(prompt, { template: "chatml" }),
    ];
    await store.putPrompts([prompt]);
    expect((await store.putResponses(answers)).inserted).toBe(5);
    await store.putJudgements([judgementRow(answers[0]!), judgementRow(answers[0]!, { judgeVersion: "2" })]);
    expect((await collect(store.responses())).length).toBe(5);
    expect((await collect(store.judgements())).length).toBe(2);
  });

  test("work is leased, finished with its rows, given back and taken over", async () => {
    const store = await place.open();
    const prompts = Array.from({ length: 6 }, (_, index) => promptRow(index));
    await store.putPrompts(prompts);
    const items = prompts.map(({ id }) => id);
    expect(await store.work.add("job", items)).toBe(6);
    expect(await store.work.add("job", ["p-5", "p-6"])).toBe(1);
    expect(await store.work.claim("job", "a", 2, 60_000)).toEqual(["p-0", "p-1"]);
    expect(await store.work.claim("job", "b", 2, 1)).toEqual(["p-2", "p-3"]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await store.work.claim("job", "a", 1, 60_000)).toEqual(["p-2"]);
    const finished = prompts.slice(2, 4).map((prompt) => ({
      item: prompt.id,
      responses: [responseRow(prompt)],
    }));
    expect(await store.work.finish("job", "b", finished)).toEqual(["p-3"]);
    expect((await collect(store.responses())).map(({ promptKey }) => promptKey)).toEqual([prompts[3]!.key]);
    expect(await store.work.finish("job", "a", [{ item: "p-2", isFailed: true }])).toEqual(["p-2"]);
    expect(await store.work.renew("job", "a", ["p-0", "p-3", "p-4"], 60_000)).toEqual(["p-0"]);
    await store.work.release("job", "a", ["p-1"]);
    expect(await store.work.progress("job")).toEqual({ open: 4, leased: 1, done: 1, failed: 1 });
    expect(await store.work.claim("job", "c", 9, 60_000)).toEqual(["p-1", "p-4", "p-5", "p-6"]);
    expect(await store.work.reopen("job")).toBe(1);
    expect(await store.work.claim("job", "c", 9, 60_000)).toEqual(["p-2"]);
    expect(await store.work.jobs()).toEqual(["job"]);
  });
});
