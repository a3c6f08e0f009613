import { expect, test } from "vitest";
import { type JudgedRecord, putRecords } from "../../src/judged/index.ts";
import { collect, judgementRow, promptRow, responseRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const RECORDS: readonly JudgedRecord[] = [
  {
    id: "a-1",
    benchmark: "sums",
    split: "test",
    prompt: "1 + 1?",
    reference: "2",
    level: 3,
    candidates: {
      zeta: { response: "2", score: 1, tokens: 5, extracted: "2" },
      alpha: {
        response: "3",
        score: 0.5,
        tokens: 2.5,
        samples: [
          { response: "3", score: 0 },
          { response: "2", score: 1 },
        ],
      },
    },
  },
  {
    id: "a-2",
    benchmark: "chat",
    tests: ["assert f(1) == 2"],
    prompt: [
      { role: "system", content: "Be short." },
      { role: "user", content: "Hello" },
    ],
    candidates: { zeta: { response: "", score: -2 }, alpha: { response: "Hi", score: 6 } },
  },
];

describeStores((place) => {
  test("judged records come back as they were", async () => {
    const store = await place.open();
    const lineage = { judge: "benchmark", source: "sums.jsonl" };
    const put = await putRecords(store, RECORDS, lineage);
    expect(put.responses).toEqual({ inserted: 5, existing: 0 });
    expect((await putRecords(store, RECORDS, lineage)).judgements).toEqual({ inserted: 0, existing: 5 });
    const read = await collect(store.records({ judge: "benchmark", models: ["zeta", "alpha"] }));
    expect(read.sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(RECORDS);
    expect(read.map(({ candidates }) => Object.keys(candidates))).toEqual([
      ["zeta", "alpha"],
      ["zeta", "alpha"],
    ]);
    const [sums] = await collect(store.prompts({ domains: ["sums"] }));
    expect(sums!.reference).toEqual({ answer: "2" });
    expect((await collect(store.responses({ statuses: ["empty"] }))).length).toBe(1);
  });

  test("records hold prompts where every model was scored, by one version of the judge", async () => {
    const store = await place.open();
    const [first, second] = [promptRow(1), promptRow(2, { id: "p-1", source: "elsewhere" })];
    const answers = [
      responseRow(first!, { model: "a" }),
      responseRow(first!, { model: "b" }),
      responseRow(second!, { model: "a", source: "other" }),
    ];
    await store.putAll({
      prompts: [first!, second!],
      responses: answers,
      judgements: [
        ...answers.map((answer) => judgementRow(answer)),
        judgementRow(answers[0]!, { judgeVersion: "2", score: null }),
        judgementRow(answers[1]!, { judge: "pair", rivalKey: answers[0]!.key }),
      ],
    });
    await expect(collect(store.records({ judge: "exact" }))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      hint: "name one of exact@1, exact@2",
    });
    await expect(collect(store.records({ judge: "none" }))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    const whole = await collect(store.records({ judge: "exact@1" }));
    expect(whole.map(({ id }) => id)).toEqual([`p-1@${first!.key.slice(0, 8)}`]);
    expect((await collect(store.records({ judge: "exact@1", models: ["a"] }))).length).toBe(2);
    const others = await collect(
      store.records({ judge: "exact@1", models: ["a"], responses: { sources: ["other"] } }),
    );
    expect(others.map(({ id }) => id)).toEqual([`p-1@${second!.key.slice(0, 8)}`]);
    expect(await collect(store.records({ judge: "exact@2" }))).toEqual([]);
    expect(await collect(store.records({ judge: "pair" }))).toEqual([]);
  });
});
