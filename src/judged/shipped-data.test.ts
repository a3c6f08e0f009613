import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { normalisedPrompt, readJudgedRecords, splitByPrompt } from "./index.ts";

const folder = fileURLToPath(new URL("../../assets/judged/", import.meta.url));
const rows = { gsm8k: 912, math: 3481, humaneval: 119, mbpp: 180, arenahard: 357, mtbench: 63 };
const paths = Object.keys(rows).map((name) => `${folder}${name}.jsonl.gz`);

test("exactly the six sets are shipped, in less than 10 MB", () => {
  const packed = readdirSync(folder).filter((name) => name.endsWith(".gz"));
  expect(packed.sort()).toEqual(
    Object.keys(rows)
      .map((name) => `${name}.jsonl.gz`)
      .sort(),
  );
  const bytes = packed.reduce((sum, name) => sum + statSync(folder + name).size, 0);
  expect(bytes).toBeLessThan(10_000_000);
});

test("they load as one dataset whose scores have not changed", async () => {
  const started = performance.now();
  const { records, candidates } = await readJudgedRecords(paths);
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(candidates).toEqual([
    "Yi-1.5-34B-Chat",
    "internlm2_5-20b-chat",
    "Phi-3-medium-4k-instruct",
    "Llama-3.1-8B-Instruct",
    "Qwen2.5-Coder-7B-Instruct",
  ]);
  const counts = new Map<string, number>();
  const hash = createHash("sha256");
  for (const record of records) {
    counts.set(record.benchmark, (counts.get(record.benchmark) ?? 0) + 1);
    hash.update(`${record.id} ${candidates.map((name) => record.candidates[name]!.score).join(" ")}\n`);
  }
  expect([...counts.values()]).toEqual(Object.values(rows));
  expect(hash.digest("hex")).toBe("e7fcee0a715d7b7b87c74ed5064e3dd66b63a0c5f475f42a815061e6372406b8");
});

test("repeated prompts never straddle a split", async () => {
  const { records } = await readJudgedRecords(paths);
  const distinct = new Set(records.map((record) => normalisedPrompt(record.prompt)));
  expect(distinct.size).toBeLessThan(records.length);
  for (const seed of [0, 1, 2, 3]) {
    const { train, holdout } = splitByPrompt(records, { holdoutShare: 0.2, seed });
    const trained = new Set(train.map((record) => normalisedPrompt(record.prompt)));
    expect(holdout.filter((record) => trained.has(normalisedPrompt(record.prompt)))).toEqual([]);
    expect(Math.abs(holdout.length / records.length - 0.2)).toBeLessThan(0.03);
  }
});
