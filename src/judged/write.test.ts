import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type JudgedRecord, readJudgedRecords, writeJudgedRecords } from "./index.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-judged-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const records: readonly JudgedRecord[] = Array.from({ length: 500 }, (_, index) => ({
  id: `r-${index}`,
  benchmark: "B",
  prompt: index % 2 ? `line\nbreak \u2028 ${index}` : [{ role: "user", content: `\u{1F600} ${index}` }],
  extra: [null, { deep: 0.1 + index }],
  candidates: {
    Big: { response: "x".repeat(5000), score: 1 / (index + 3), tokens: index },
    Small: { response: "", score: -1 - index, verdicts: [null, "A>B"] },
  },
}));

test.each(["plain.jsonl", "packed.jsonl.gz"])("round trip through %s", async (name) => {
  const path = join(folder, "made", name);
  await writeJudgedRecords(path, records);
  const read = await readJudgedRecords([path]);
  expect(read.records).toEqual(records);
  expect(read.candidates).toEqual(["Big", "Small"]);
  expect([...readFileSync(path).subarray(0, 2)].join()).toBe(name.endsWith(".gz") ? "31,139" : "123,34");
});

const first = records[0]!;
const refused: ReadonlyArray<readonly [string, readonly JudgedRecord[], string, string]> = [
  [
    "a NaN score",
    [
      first,
      { ...first, id: "n", candidates: { ...first.candidates, Big: { response: "", score: Number.NaN } } },
    ],
    "RECORD_INVALID",
    ':2: field candidates["Big"].score: received the number NaN',
  ],
  ["an id twice", [first, first], "DATASET_INVALID", ":2: field id: received"],
  ["no records", [], "DATASET_INVALID", "received no records"],
];

test.each(refused)("%s is refused and nothing is written", async (name, bad, code, says) => {
  const path = join(folder, `${name}.jsonl`);
  await expect(writeJudgedRecords(path, bad)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(says),
  });
  expect(existsSync(path)).toBe(false);
});

test("an existing file survives a refused write, and no temporary file stays", async () => {
  const path = join(folder, "kept", "data.jsonl");
  await writeJudgedRecords(path, records.slice(0, 3));
  await expect(writeJudgedRecords(path, [first, first])).rejects.toMatchObject({ code: "DATASET_INVALID" });
  expect((await readJudgedRecords([path])).records).toHaveLength(3);
  expect(readdirSync(join(folder, "kept"))).toEqual(["data.jsonl"]);
});
