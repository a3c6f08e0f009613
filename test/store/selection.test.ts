/** Selections and leaderboards from a real store, over both databases. */
import { expect, test } from "vitest";
import {
  bestCorrectAnswer,
  groupsOfStore,
  leaderboardDataOfStore,
  makeLeaderboard,
  sameSourcePairs,
  select,
  selectionRows,
} from "../../src/judged/index.ts";
import { collect, judgementRow, promptRow, responseRow } from "../support/store-rows.ts";
import { describeStores } from "../support/stores.ts";

const LATER = "2026-02-01T00:00:00.000Z";

describeStores((place) => {
  /** 300 prompts, so that more than one batch is read; two models with two samples each. */
  const filled = async () => {
    const store = await place.open();
    const prompts = Array.from({ length: 300 }, (_, number) => promptRow(number));
    const responses = prompts.flatMap((prompt) =>
      ["small", "large"].flatMap((model) =>
        [0, 1].map((seedIndex) =>
          responseRow(prompt, {
            model,
            seedIndex,
            text: `${model} ${seedIndex} ${prompt.id}`,
            completionTokens: 5,
          }),
        ),
      ),
    );
    const judgements = responses.flatMap((response) => {
      const isCorrect = response.model === "large" || response.seedIndex === 1;
      const reward = (response.model === "large" ? 1 : 0) + response.seedIndex / 10;
      return [
        judgementRow(response, { score: isCorrect ? 1 : 0 }),
        judgementRow(response, { judge: "reward", judgeVersion: "1", score: 100 - reward }),
        judgementRow(response, { judge: "reward", judgeVersion: "2", score: reward, createdAt: LATER }),
      ];
    });
    await store.putPrompts(prompts);
    await store.putResponses(responses);
    await store.putJudgements(judgements);
    return store;
  };

  test("groups hold every answer with its newest judgements", async () => {
    const store = await filled();
    const groups = await collect(groupsOfStore(store, { scorer: "reward", verifier: "exact" }));
    expect(groups).toHaveLength(300);
    for (const { answers } of groups) {
      expect(
        answers.map(({ source, score, isCorrect, finalAnswer }) => [source, score, isCorrect, finalAnswer]),
      ).toEqual([
        ["large", 1, true, "4"],
        ["large", 1.1, true, "4"],
        ["small", 0, false, "4"],
        ["small", 0.1, true, "4"],
      ]);
    }
    const small = await collect(groupsOfStore(store, { scorer: "reward", filter: { models: ["small"] } }));
    expect(
      small.every(({ answers }) =>
        answers.every(({ source, isCorrect }) => source === "small" && isCorrect === null),
      ),
    ).toBe(true);
    const former = await collect(groupsOfStore(store, { scorer: "reward@1" }));
    expect(former[0]!.answers.map(({ score }) => score)).toEqual([99, 98.9, 100, 99.9]);
    await expect(collect(groupsOfStore(store, {}))).rejects.toThrow(/received none/);
  });

  test("decisions are written once, whatever the number of runs", async () => {
    const store = await filled();
    for (const selector of [bestCorrectAnswer(), sameSourcePairs({ isVerified: true })]) {
      const selection = await select(selector, groupsOfStore(store, { scorer: "reward", verifier: "exact" }));
      expect(selection.rows).toHaveLength(300);
      const rows = [...selectionRows(selection, LATER)];
      expect(await store.putSelections(rows)).toEqual({ inserted: rows.length, existing: 0 });
      expect(await store.putSelections(rows)).toEqual({ inserted: 0, existing: rows.length });
    }
    const pairs = await collect(store.selections("same-source"));
    expect(pairs.filter(({ isKept }) => isKept)).toHaveLength(300);
    expect(pairs.find(({ isKept }) => isKept)).toMatchObject({ reason: "same_source" });
    expect(new Set(pairs.map(({ reason }) => reason))).toEqual(new Set(["same_source", "none_wrong"]));
  });

  test("a leaderboard from scores, costs and tokens", async () => {
    const store = await filled();
    const data = await leaderboardDataOfStore(store, "exact");
    const board = makeLeaderboard(data, { samples: 20, control: ["length"] }).boards[0]!;
    expect(board.rows.map(({ model }) => model)).toEqual(["large", "small"]);
    expect(board.rows[0]).toMatchObject({ battles: 300, winRate: { value: 100 }, tokens: 5 });
    expect(board.rows[1]!.score!.value).toBeCloseTo(0.5, 12);
  });
});
