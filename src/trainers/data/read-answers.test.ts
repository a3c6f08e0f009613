import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadTokenizer } from "../../text/index.ts";
import { encodeAnswers } from "./encode-answers.ts";
import { type AnswerUse, readAnswers } from "./read-answers.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-read-answers-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, rows: readonly object[]): string => {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
};

/** What is read, without ids and conversations. */
const read = async (path: string, use: AnswerUse) =>
  (await readAnswers([path], use)).answered.map(({ id, messages, ...answered }) => answered);

const reasons = async (path: string, use: AnswerUse) =>
  (await readAnswers([path], use)).dropped.map(({ reason }) => reason);

/** AlpacaEval: 1 is the first output, 2 the second, 1.5 (and 0, before its version 2) a tie. */
const comparisons = file(
  "comparisons.jsonl",
  [1.9, 1.05, 1.5, 0, null].map((preference, index) => ({
    instruction: `Question ${index}`,
    output_1: `first ${index}`,
    output_2: `second ${index}`,
    ...{ generator_1: "base", generator_2: "mine", annotator: "judge", preference },
  })),
);

test("the better answer of a pair is the chosen one, whichever side the score is of; ties are no pairs", async () => {
  expect(await read(comparisons, "pairs")).toEqual([
    { answers: ["second 0", "first 0"] },
    { answers: ["first 1", "second 1"] },
  ]);
  expect(await read(comparisons, "verdicts")).toEqual([
    { answers: ["second 0"], isDesirable: true },
    { answers: ["first 0"], isDesirable: false },
    { answers: ["first 1"], isDesirable: true },
    { answers: ["second 1"], isDesirable: false },
  ]);
});

test("what is left out is told with its reason", async () => {
  for (const use of ["pairs", "verdicts"] as const)
    expect(await reasons(comparisons, use)).toEqual(["tie", "tie", "unjudged"]);
  expect(await reasons(comparisons, "answers")).toEqual(["worse", "worse"]);
  expect((await readAnswers([comparisons], "answers")).dropped[1]!.id).toMatch(/comparisons\.jsonl:2$/);
});

test("losers are not imitated, answers of a tie are", async () => {
  const answers = (await read(comparisons, "answers")).map(({ answers: [text] }) => text);
  expect(answers).toEqual([
    ...["second 0", "first 1", "first 2", "second 2"],
    ...["first 3", "second 3", "first 4", "second 4"],
  ]);
});

test("answers labelled one by one are good or bad by themselves", async () => {
  const rows = ["good", "bad", " "].map((completion, index) => ({
    ...{ prompt: `Question ${index}`, completion, label: completion === "good" },
  }));
  expect(await read(file("labels.jsonl", rows), "verdicts")).toEqual([
    { answers: ["good"], isDesirable: true },
    { answers: ["bad"], isDesirable: false },
  ]);
  expect(await read(join(folder, "labels.jsonl"), "answers")).toEqual([{ answers: ["good"] }]);
});

test("failed, filtered, refused and blank answers are not learned", async () => {
  const candidates = {
    fine: { response: "fine", score: 1 },
    long: { response: "and so on", finish_reason: "length", score: 0.5 },
    silent: { response: "", score: 0 },
    filtered: { response: "I can", finish_reason: "content_filter", score: 0 },
    refused: { response: "I cannot", finish_reason: "refusal", score: 0 },
  };
  const path = file("judged.jsonl", [{ id: "1", benchmark: "B", prompt: "Question", candidates }]);
  expect(await read(path, "answers")).toEqual([{ answers: ["fine"] }, { answers: ["and so on"] }]);
  expect(await read(path, "scores")).toEqual([
    { answers: ["fine"], score: 1 },
    { answers: ["and so on"], score: 0.5 },
  ]);
  expect(await reasons(path, "answers")).toEqual(["empty", "filtered", "refusal"]);
  const blank = { prompt: "Question", chosen: "fine", rejected: " \n" };
  const pairs = file("blank.jsonl", [blank, { ...blank, rejected: "bad" }]);
  expect(await read(pairs, "pairs")).toEqual([{ answers: ["fine", "bad"] }]);
  expect(await reasons(pairs, "verdicts")).toEqual(["empty"]);
  await expect(read(file("only.jsonl", [blank]), "verdicts")).rejects.toMatchObject({
    code: "DATASET_INVALID",
  });
});

test("scores are one judge's: of several, the one meant", async () => {
  const ratings = { helpfulness: { Rating: "5" }, honesty: { Rating: "4" } };
  const path = file("ultra.jsonl", [
    {
      ...{ source: "s", instruction: "Question", models: ["a"] },
      completions: [{ model: "a", response: "fine", annotations: ratings, overall_score: 7.5 }],
    },
  ]);
  await expect(readAnswers([path], "scores")).rejects.toThrow(
    /ultra\.jsonl:1: .*several judges: .*:helpfulness/,
  );
  const { answered } = await readAnswers([path], "scores", { judge: "ultrafeedback:helpfulness" });
  expect(answered.map(({ score }) => score)).toEqual([5]);
  await expect(readAnswers([path], "scores", { judge: "nobody" })).rejects.toMatchObject({
    code: "DATASET_INVALID",
  });
});

test("hand-written scores and labels", async () => {
  const row = { prompt: "Question", completion: "good" };
  const path = file("scores.jsonl", [{ ...row, score: 3.5 }]);
  expect(await read(path, "scores")).toEqual([{ answers: ["good"], score: 3.5 }]);
  await expect(read(file("label.jsonl", [{ ...row, label: 0.3 }]), "verdicts")).rejects.toThrow(/label/);
  await expect(read(file("both.jsonl", [{ ...row, label: 1, score: 1 }]), "verdicts")).rejects.toThrow(
    /score/,
  );
});

test("answers with scores beside others' are told of where all are imitated", async () => {
  const row = (answers: readonly number[]) => ({
    ...{ id: "1", benchmark: "B", prompt: "Question" },
    candidates: Object.fromEntries(answers.map((score) => [`m${score}`, { response: `${score}`, score }])),
  });
  const hasRivals = async (name: string, answers: readonly number[]) =>
    (await readAnswers([file(name, [row(answers)])], "answers")).hasRivals;
  expect(await hasRivals("one.jsonl", [1])).toBe(false);
  expect(await hasRivals("two.jsonl", [0, 1])).toBe(true);
});

test("pairs keep the margin of their row, up to what a reward model learns", async () => {
  const pair = { prompt: "Question", chosen: "good", rejected: "bad" };
  const path = file("margins.jsonl", [{ ...pair, margin: 1.5 }, pair]);
  const { answered } = await readAnswers([path], "pairs");
  expect(answered.map(({ margin }) => margin)).toEqual([1.5, undefined]);
  const table = join(folder, "margins.csv");
  writeFileSync(
    table,
    "prompt,chosen,rejected,margin,score_chosen\nQuestion,good,bad,0.5,2\nOther,good,bad,,\n",
  );
  expect((await readAnswers([table], "pairs")).answered.map(({ margin }) => margin)).toEqual([
    0.5,
    undefined,
  ]);
  await expect(read(file("wide.jsonl", [{ ...pair, margin: "wide" }]), "pairs")).rejects.toMatchObject({
    code: "RECORD_INVALID",
  });
  const tokenizer = loadTokenizer(
    join(import.meta.dirname, "../../../fixtures/text/byte-level.tokenizer.json"),
  );
  const template = "{% for m in messages %}{{ m.content + '\n' }}{% endfor %}";
  const { groups } = encodeAnswers(tokenizer, answered, { template, maxTokens: 20 });
  expect(groups.map(({ margin }) => margin)).toEqual([1.5, undefined]);
});

describe("rows with the answer of a source model", () => {
  const triple = { prompt: "Question", chosen: "good", rejected: "bad", source_chosen: "best" };
  const triples = file("triples.jsonl", [triple, { ...triple, prompt: "Another", source_chosen: " " }]);

  test("are triples, whose answers are learned as ever", async () => {
    expect(await read(triples, "triples")).toEqual([{ answers: ["best", "good", "bad"] }]);
    expect(await reasons(triples, "triples")).toEqual(["empty"]);
    expect(await read(triples, "answers")).toEqual([
      ...[{ answers: ["good"] }, { answers: ["best"] }],
      { answers: ["good"] },
    ]);
  });

  test("are pairs for those who learn pairs, and that is told", async () => {
    const pair = { answers: ["good", "bad"] };
    expect(await read(triples, "pairs")).toEqual([pair, pair]);
    expect(await reasons(triples, "pairs")).toEqual(["source_chosen", "empty"]);
    expect(await read(triples, "verdicts")).toHaveLength(4);
    expect(await reasons(triples, "verdicts")).toEqual(["source_chosen", "empty"]);
  });

  test("must all have it, as an answer of its own to the same prompt", async () => {
    const { source_chosen: _, ...pair } = triple;
    await expect(read(file("mixed.jsonl", [triple, pair]), "triples")).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(/mixed\.jsonl:2: field source_chosen: received nothing/),
    });
    const chat = (...contents: string[]) =>
      contents.map((content, turn) => ({ role: turn % 2 === 0 ? "user" : "assistant", content }));
    const wrong: readonly (readonly [object, string])[] = [
      [{ ...triple, source_chosen: "good" }, "expected another answer than the chosen and the rejected one"],
      [{ ...triple, source_chosen: "bad" }, "expected another answer than the chosen and the rejected one"],
      [{ ...triple, source_chosen: 3 }, "expected"],
      [
        {
          ...{ chosen: chat("Hi", "Hello"), rejected: chat("Hi", "No") },
          source_chosen: chat("Bye", "See you"),
        },
        "expected an answer to the same prompt as the chosen one",
      ],
    ];
    for (const [row, message] of wrong) {
      await expect(read(file("wrong.jsonl", [row]), "triples")).rejects.toMatchObject({
        code: "RECORD_INVALID",
        message: expect.stringMatching(`wrong\\.jsonl:1: field source_chosen: received .*${message}`),
      });
    }
  });
});
