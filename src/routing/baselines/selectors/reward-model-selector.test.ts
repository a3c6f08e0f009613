import { describe, expect, it } from "vitest";
import { angleRecord } from "../../../../test/support/angle-prompts.ts";
import { type RewardFunction, RewardModelSelector, recordedRewards, selectAll } from "../index.ts";

const CANDIDATES = ["a", "b", "c"];
const records = [
  angleRecord("one", "x", "p", [0, 0, 0], ["short", "a longer answer", "mid"]),
  angleRecord("two", "x", "q", [0, 0, 0], ["the longest answer of all", "no", "yes"]),
];
const byLength: RewardFunction = async (inputs) => inputs.map(({ response }) => response.length);

describe("reward-model selection", () => {
  it("declares that it reads answers, and takes the one with the highest reward", async () => {
    const selector = new RewardModelSelector(CANDIDATES, byLength);
    expect(selector.readsResponses).toBe(true);
    expect([...(await selectAll(selector, records))]).toEqual([1, 0]);
  });

  it("scores an answer by its prompt, independent of other queries", async () => {
    const reward: RewardFunction = async (inputs) =>
      inputs.map(({ prompt, response }) => (prompt === "p" ? -response.length : response.length));
    const selector = new RewardModelSelector(CANDIDATES, reward);
    expect([...(await selectAll(selector, records))]).toEqual([2, 0]);
    expect([...(await selectAll(selector, [records[1]!]))]).toEqual([0]);
  });

  it("reads recorded rewards", async () => {
    const judged = records.map((record, row) => ({
      ...record,
      candidates: Object.fromEntries(
        Object.entries(record.candidates).map(([name, answer], column) => [
          name,
          { ...answer, reward: (row + 1) * (column === 2 - row ? 1 : -1) },
        ]),
      ),
    }));
    const selector = new RewardModelSelector(CANDIDATES, recordedRewards(judged, "reward"));
    expect([...(await selectAll(selector, judged))]).toEqual([2, 1]);
    const missing = new RewardModelSelector(CANDIDATES, recordedRewards(judged, "skywork"));
    await expect(selectAll(missing, judged)).rejects.toThrow(/candidates\.a\.skywork is undefined/);
  });

  it("refuses missing answers and rewards that are not numbers", async () => {
    const selector = new RewardModelSelector(CANDIDATES, async (inputs) => inputs.map(() => Number.NaN));
    await expect(selectAll(selector, records)).rejects.toThrow(/reward of "a"'s answer is NaN/);
    const short = new RewardModelSelector(CANDIDATES, async () => [1]);
    await expect(selectAll(short, records)).rejects.toThrow(/gave 1 rewards for 6 answers/);
    const more = new RewardModelSelector([...CANDIDATES, "z"], byLength);
    await expect(selectAll(more, records)).rejects.toThrow(
      /record "one": candidates\.z\.response is missing/,
    );
  });
});
