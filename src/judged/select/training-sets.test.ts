import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../../test/support/command.ts";
import { answer, group } from "../../../test/support/judged-answers.ts";
import { readJudgedRecords } from "../read.ts";
import {
  bestAnswer,
  bestCorrectAnswer,
  crossSourcePairs,
  datasetInfo,
  formatSelectionReport,
  groupOfRecord,
  majorityAnswer,
  renderSelectionPage,
  sameSourcePairs,
  select,
  selectionReport,
  selectionRows,
  trainingLines,
  wrpoTriples,
} from "./index.ts";

describe("training sets", () => {
  const given = group(
    answer("a", "x", 4, { tokens: 7, isCorrect: true }),
    answer("b", "x", 1, { tokens: 3 }),
  );
  const lines = async (selector: Parameters<typeof select>[0], format: Parameters<typeof trainingLines>[1]) =>
    [...trainingLines(await select(selector, [given]), format)].map((line) => JSON.parse(line));

  it("TRL: messages, and prompt, chosen, rejected, with lineage", async () => {
    const [sft] = await lines(bestAnswer(), "trl");
    expect(sft.messages.at(-1)).toEqual({ role: "assistant", content: "text a" });
    expect(sft.messages).toHaveLength(5);
    const [pair] = await lines(sameSourcePairs(), "trl");
    expect(pair.prompt.at(-1)).toEqual({ role: "user", content: "2+2?" });
    expect(pair.chosen).toEqual([{ role: "assistant", content: "text a" }]);
    expect(pair.rejected).toEqual([{ role: "assistant", content: "text b" }]);
    expect(pair.lineage).toEqual({
      prompt: "p",
      id: "one",
      domain: "maths",
      selector: "same-source",
      options: { leastGap: 0, mostGap: null, isVerified: false, sources: "largest-gap" },
      reason: "same_source",
      answer: { response: "a", source: "x", score: 4, correct: true, tokens: 7 },
      rejected: { response: "b", source: "x", score: 1, tokens: 3 },
    });
  });

  it("LLaMA-Factory: alpaca and sharegpt, with the entry of dataset_info.json", async () => {
    const [alpaca] = await lines(bestAnswer(), "alpaca");
    expect(alpaca).toMatchObject({
      instruction: "2+2?",
      input: "",
      system: "be brief",
      history: [["1+1?", "2"]],
      output: "text a",
    });
    const [sharegpt] = await lines(sameSourcePairs(), "sharegpt");
    expect(sharegpt.conversations.map(({ from }: { from: string }) => from)).toEqual([
      "system",
      "human",
      "gpt",
      "human",
    ]);
    expect(sharegpt.chosen).toEqual({ from: "gpt", value: "text a" });
    const columns = (info: ReturnType<typeof datasetInfo>) =>
      Object.values(info.columns as Record<string, string>);
    for (const [format, row] of [
      ["alpaca", alpaca],
      ["sharegpt", sharegpt],
    ] as const) {
      const gives = format === "alpaca" ? "answers" : "pairs";
      for (const column of columns(datasetInfo("f.jsonl", format, gives))) expect(row).toHaveProperty(column);
    }
  });

  it("triples: the source's answer stands in the row, in its lineage and in a row of the store", async () => {
    const triple = group(answer("a", "me", 3), answer("b", "me", 1), answer("c", "x", 4));
    const selection = await select(wrpoTriples({ target: "me" }), [triple]);
    const [row] = [...trainingLines(selection, "trl")].map((line) => JSON.parse(line));
    expect(row.source_chosen).toEqual([{ role: "assistant", content: "text c" }]);
    expect(row.chosen).toEqual([{ role: "assistant", content: "text a" }]);
    expect(row.lineage.sourceChosen).toEqual({ response: "c", source: "x", score: 4 });
    const stored = [...selectionRows(selection, "2026-01-01T00:00:00Z")];
    expect(stored.map(({ responseKey, rejectedKey }) => [responseKey, rejectedKey])).toEqual([
      ["a", "b"],
      ["c", undefined],
    ]);
    expect(new Set(stored.map(({ key }) => key)).size).toBe(2);
  });

  it("rows of the store have one key each", async () => {
    const rows = [...selectionRows(await select(sameSourcePairs(), [given]), "2026-01-01T00:00:00Z")];
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      responseKey: "a",
      rejectedKey: "b",
      isKept: true,
      reason: "same_source",
    });
  });
});

describe("recorded answers to GSM8K", async () => {
  const { records, candidates } = await readJudgedRecords([join(ROOT, "assets/judged/gsm8k.jsonl.gz")]);
  const groups = records.map((record) => groupOfRecord(record, { verdict: "score" }));

  it("the majority of five models is right more often than any of them", async () => {
    const { rows, prompts } = await select(majorityAnswer(), groups);
    const right = rows.filter(({ answer: given }) => given.isCorrect).length / prompts;
    const single = candidates.map(
      (name) => records.filter((record) => record.candidates[name]!.score === 1).length / records.length,
    );
    expect(rows.length).toBe(prompts);
    expect(right).toBeGreaterThan(Math.max(...single));
  });

  it("correct, then best keeps a right answer of every prompt that has one", async () => {
    const selection = await select(bestCorrectAnswer(), groups);
    const solvable = groups.filter(({ answers }) => answers.some(({ isCorrect }) => isCorrect)).length;
    expect(selection.rows).toHaveLength(solvable);
    const report = selectionReport(selection);
    const decided = Object.values(report.drops).reduce((sum, count) => sum + count, report.rows);
    expect(decided).toBe(records.length * candidates.length);
    expect(report.domains).toEqual({ GSM8k: { prompts: 912, promptsKept: solvable, rows: solvable } });
    expect(Object.values(report.chosen.sourceShares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(
      1,
      12,
    );
    expect(report.chosen.lengths?.count).toBe(solvable);
  });

  it("the report as text and as a page", async () => {
    const selection = await select(crossSourcePairs({ isVerified: true }), groups);
    const text = formatSelectionReport(selectionReport(selection));
    expect(text).toContain("none_wrong");
    const page = renderSelectionPage(selection, "Pairs <GSM8K>");
    expect(page).toContain("Pairs &lt;GSM8K&gt;");
    expect(page).toContain("<svg");
    expect(page).not.toMatch(/NaN|undefined/);
  });
});
