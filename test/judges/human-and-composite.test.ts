/** Labels of people as judgements, and judges made of two. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  agreementReport,
  answerFinder,
  comparisonsOf,
  createCompositeJudge,
  type Judge,
  ratingsOfComparisons,
  readHumanLabels,
} from "../../src/judges/index.ts";
import { collect, promptRow, responseRow } from "../support/store-rows.ts";

const prompt = promptRow(1);
const other = promptRow(2);
const [a, b, c] = ["a", "b", "c"].map((model) => responseRow(prompt, { model, text: model }));
const elsewhere = responseRow(other, { model: "a" });
const finder = answerFinder([prompt, other], [a!, b!, c!, elsewhere]);

describe("human labels", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-labels-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (...labels: readonly unknown[]) => {
    const path = join(folder, "labels.jsonl");
    writeFileSync(path, labels.map((label) => `${JSON.stringify(label)}\n`).join("\n"));
    return collect(readHumanLabels(path, { finder, source: "labels.jsonl", now: "2026-01-01T00:00:00Z" }));
  };

  it("thumbs, ratings and choices, by key or by id and model", async () => {
    const rows = await read(
      { response: a!.key, thumb: "up", annotator: "ada" },
      { id: "p-1", model: "b", thumb: "down", annotator: "ada", comment: "wrong" },
      { id: "p-1", model: "c", rating: 3.5 },
      {
        id: "p-1",
        model: "a",
        rival_model: "b",
        choice: "first",
        annotator: "ada",
        at: "2026-05-05T00:00:00Z",
      },
      { response: a!.key, rival: c!.key, choice: "tie", annotator: "ada", round: "2" },
    );
    expect(
      rows.map(({ responseKey, rivalKey, judge, judgeVersion, score, verdict }) => [
        responseKey,
        rivalKey,
        judge,
        judgeVersion,
        score,
        verdict,
      ]),
    ).toEqual([
      [a!.key, undefined, "human/ada", "1", 1, "up"],
      [b!.key, undefined, "human/ada", "1", 0, "down"],
      [c!.key, undefined, "human/anonymous", "1", 3.5, "rated"],
      [a!.key, b!.key, "human/ada", "1", 1, "first"],
      [a!.key, c!.key, "human/ada", "2", 0.5, "tie"],
    ]);
    expect(rows[1]!.explanation).toEqual({ comment: "wrong" });
    expect(rows[3]!.createdAt).toBe("2026-05-05T00:00:00Z");
    expect(new Set(rows.map(({ key }) => key)).size).toBe(5);
  });

  it("people who were shown a pair in other orders agree nevertheless", async () => {
    const rows = await read(
      { response: a!.key, rival: b!.key, choice: "first", annotator: "ada" },
      { response: b!.key, rival: a!.key, choice: "second", annotator: "bob" },
      { response: a!.key, rival: c!.key, choice: "second", annotator: "ada" },
      { response: c!.key, rival: a!.key, choice: "second", annotator: "bob" },
    );
    const responses = new Map([a!, b!, c!].map((row) => [row.key, row]));
    const [pair] = agreementReport(ratingsOfComparisons(comparisonsOf(rows, responses)), {
      samples: 20,
    }).pairs;
    expect(pair!.items).toBe(2);
    expect(pair!.agreement.value).toBe(0.5);
  });

  it.each([
    [{ response: a!.key }, /labels\.jsonl:1: field thumb, rating or choice: received none of them/],
    [{ response: a!.key, thumb: "up", rating: 1 }, /received thumb and rating/],
    [
      { response: a!.key, thumb: "sideways" },
      /field thumb: received the string "sideways", expected up or down/,
    ],
    [
      { response: "gone", thumb: "up" },
      /field response: received the string "gone", expected an answer that is there/,
    ],
    [{ model: "a", thumb: "up" }, /field model: received nothing, expected response, or id and model/],
    [{ id: "p-1", model: "a", sample: -1, thumb: "up" }, /field sample: received the number -1/],
    [{ response: a!.key, rival: elsewhere.key, choice: "tie" }, /an answer to another prompt/],
    [{ response: a!.key, rival: a!.key, choice: "tie" }, /the same answer twice/],
    [{ response: a!.key, rating: "5" }, /field rating: received the string "5", expected a number/],
    [[1], /field \(row\): received a list of 1/],
  ])("refuses %j", async (label, message) => {
    await expect(read(label)).rejects.toThrow(message);
  });
});

describe("composite", () => {
  const judge = (name: string, score: (text: string) => number | null, cost?: number): Judge => ({
    name,
    version: "1",
    async judge(_prompt, { text }) {
      const value = score(text);
      const more = cost === undefined ? {} : { costUsd: cost };
      return {
        score: value,
        verdict: value === null ? "no_answer" : value === 1 ? "correct" : "wrong",
        explanation: { text },
        ...more,
      };
    },
  });
  const [verifier, reward] = [
    judge("exact", (text) => (text.startsWith("?") ? null : Number(text.startsWith("4")))),
    judge("reward", (text) => (text.endsWith("-") ? null : Number(text.slice(1))), 0.5),
  ];
  const composite = createCompositeJudge(verifier!, reward!);
  const scoreOf = async (text: string) =>
    (await composite.judge(prompt, responseRow(prompt, { text }))).score;

  it("no reward lifts a wrong answer above a correct one; among equals the reward decides", async () => {
    const order = ["41e9", "420", "43", "4-", "4-3", "4-1e9", "51e9", "50", "5-1e9"];
    const scores: (number | null)[] = [];
    for (const text of order) scores.push(await scoreOf(text));
    expect(scores[3]).toBe(1.5);
    expect(scores.every((score, index) => index === 0 || score! < scores[index - 1]!)).toBe(true);
  });

  it("without a verdict of the verifier there is no score, and both explanations are kept", async () => {
    const verdict = await composite.judge(prompt, responseRow(prompt, { text: "?7" }));
    expect(verdict).toMatchObject({ score: null, verdict: "no_answer", costUsd: 0.5 });
    expect(verdict.explanation).toMatchObject({
      verifier: { score: null },
      tieBreak: { score: 7, explanation: { text: "?7" } },
    });
  });

  it("names, versions and the step", () => {
    expect(composite).toMatchObject({ name: "exact>reward", version: "1>1" });
    expect(createCompositeJudge(verifier!, reward!, { step: 0.25 }).version).toBe("1>1>0.25");
    expect(() => createCompositeJudge(verifier!, reward!, { step: 0 })).toThrow(/step: received 0/);
  });
});
