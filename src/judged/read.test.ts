import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../support/errors.ts";
import { TuttiError } from "../support/errors.ts";
import { readJudgedRecords } from "./index.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-judged-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good = {
  id: "a",
  benchmark: "B",
  prompt: "What is 1 + 1?",
  candidates: { Big: { response: "2", score: 1 }, Small: { response: "3", score: 0 } },
};
const GOOD_LINE = `${JSON.stringify(good)}\n`;

function row(change: Record<string, unknown>): string {
  return `${JSON.stringify({ ...good, id: "b", ...change })}\n`;
}

function candidate(change: Record<string, unknown>): string {
  return row({ candidates: { ...good.candidates, Small: { response: "3", score: 0, ...change } } });
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function failure(run: Promise<unknown>): Promise<TuttiError> {
  try {
    await run;
  } catch (thrown) {
    if (TuttiError.is(thrown)) return thrown;
    throw thrown;
  }
  throw new Error("expected a TuttiError, but nothing was thrown");
}

interface BadRow {
  readonly name: string;
  /** The second line of the file, after one good row. */
  readonly line: string;
  readonly code?: ErrorCode;
  readonly field: string;
  readonly says: string;
}

const SCORE = 'candidates["Small"].score';

const badRows: readonly BadRow[] = [
  { name: "a list", line: "[1, 2]\n", field: "(row)", says: "received a list of 2" },
  { name: "a number", line: "7\n", field: "(row)", says: "received the number 7" },
  { name: "null", line: "null\n", field: "(row)", says: "received null" },
  { name: "id missing", line: row({ id: undefined }), field: "id", says: "received nothing" },
  { name: "id blank", line: row({ id: " " }), field: "id", says: 'received the string " "' },
  { name: "id a number", line: row({ id: 3 }), field: "id", says: "received the number 3" },
  { name: "benchmark missing", line: row({ benchmark: undefined }), field: "benchmark", says: "nothing" },
  { name: "benchmark blank", line: row({ benchmark: "" }), field: "benchmark", says: 'the string ""' },
  { name: "prompt missing", line: row({ prompt: undefined }), field: "prompt", says: "received nothing" },
  { name: "prompt blank", line: row({ prompt: "\n\t " }), field: "prompt", says: "not blank" },
  { name: "prompt a number", line: row({ prompt: 5 }), field: "prompt", says: "received the number 5" },
  { name: "no messages", line: row({ prompt: [] }), field: "prompt", says: "an empty list" },
  {
    name: "messages without text",
    line: row({ prompt: [{ role: "user", content: " " }] }),
    field: "prompt",
    says: "messages without text",
  },
  {
    name: "a message that is text",
    line: row({ prompt: ["hello"] }),
    field: "prompt[0]",
    says: 'received the string "hello"',
  },
  {
    name: "an unknown role",
    line: row({
      prompt: [
        { role: "user", content: "x" },
        { role: "tool", content: "y" },
      ],
    }),
    field: "prompt[1].role",
    says: "one of system, user, assistant",
  },
  {
    name: "message content in parts",
    line: row({ prompt: [{ role: "user", content: [{ type: "text", text: "x" }] }] }),
    field: "prompt[0].content",
    says: "received a list of 1",
  },
  { name: "split a number", line: row({ split: 1 }), field: "split", says: "received the number 1" },
  { name: "candidates missing", line: row({ candidates: undefined }), field: "candidates", says: "nothing" },
  { name: "prompts only", line: row({ candidates: {} }), field: "candidates", says: "an empty object" },
  { name: "candidates a list", line: row({ candidates: [1] }), field: "candidates", says: "a list of 1" },
  {
    name: "a candidate that is text",
    line: row({ candidates: { ...good.candidates, Small: "3" } }),
    field: 'candidates["Small"]',
    says: 'received the string "3"',
  },
  {
    name: "response missing",
    line: candidate({ response: undefined }),
    field: 'candidates["Small"].response',
    says: "received nothing",
  },
  {
    name: "response null",
    line: candidate({ response: null }),
    field: 'candidates["Small"].response',
    says: "received null",
  },
  { name: "score missing", line: candidate({ score: undefined }), field: SCORE, says: "received nothing" },
  { name: "score null", line: candidate({ score: null }), field: SCORE, says: "received null" },
  { name: "score a string", line: candidate({ score: "0.5" }), field: SCORE, says: 'the string "0.5"' },
  { name: "score true", line: candidate({ score: true }), field: SCORE, says: "the boolean true" },
  {
    name: "score beyond double range",
    line: candidate({ score: 77 }).replace("77", "1e999"),
    field: SCORE,
    says: "received the number Infinity",
  },
  {
    name: "score NaN",
    line: candidate({ score: 77 }).replace("77", "NaN"),
    field: SCORE,
    says: "received NaN, which is invalid JSON",
  },
  {
    name: "score -Infinity",
    line: candidate({ score: 77 }).replace("77", " -Infinity "),
    field: SCORE,
    says: "received -Infinity, which is invalid JSON",
  },
  {
    name: "negative tokens",
    line: candidate({ tokens: -1 }),
    field: 'candidates["Small"].tokens',
    says: "received the number -1",
  },
  {
    name: "no samples in their list",
    line: candidate({ samples: [] }),
    field: 'candidates["Small"].samples',
    says: "at least one sampled answer",
  },
  {
    name: "a sample without a score",
    line: candidate({ samples: [{ response: "a", score: 1 }, { response: "b" }] }),
    field: 'candidates["Small"].samples[1].score',
    says: "expected a finite number",
  },
  {
    name: "a candidate missing",
    line: row({ candidates: { Big: good.candidates.Big } }),
    field: 'candidates["Small"]',
    says: "the first row",
  },
  {
    name: "an unknown candidate",
    line: row({ candidates: { ...good.candidates, Smal: { response: "", score: 0 } } }),
    code: "UNKNOWN_CANDIDATE",
    field: 'candidates["Smal"]',
    says: "Big, Small",
  },
  {
    name: "an id again",
    line: row({ id: "a" }),
    code: "DATASET_INVALID",
    field: "id",
    says: ":1), expected every id once",
  },
];

describe("a bad row is refused with its file, line and field", () => {
  test.each(badRows)("$name", async ({ name, line, code = "RECORD_INVALID", field, says }) => {
    const path = file(`${name}.jsonl`, GOOD_LINE + line);
    const error = await failure(readJudgedRecords([path]));
    expect(error.code).toBe(code);
    expect(error.message).toContain(`${path}:2: field ${field}: received`);
    expect(error.message).toContain(says);
    expect(error.message).toContain("expected");
    expect(error.details).toMatchObject({ file: path, line: 2 });
    expect(error.hint).toBeTruthy();
  });
});

interface BadFile {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly code: ErrorCode;
  readonly line: number;
  readonly says: string;
}

const many = Array.from({ length: 3000 }, (_, index) =>
  row({ id: `many-${index}`, prompt: `${index * 7919}` }),
);
const manyGzip = gzipSync(many.join(""));
const damagedGzip = Buffer.from(manyGzip);
damagedGzip.writeUInt8(damagedGzip.readUInt8(damagedGzip.length - 6) ^ 0xff, damagedGzip.length - 6);

const badFiles: readonly BadFile[] = [
  {
    name: "cut.jsonl",
    content: GOOD_LINE + row({}).slice(0, 40),
    code: "RECORD_INVALID",
    line: 2,
    says: "invalid JSON",
  },
  {
    name: "single-quotes.jsonl",
    content: `${GOOD_LINE}\n{'id': 'b'}\n`,
    code: "RECORD_INVALID",
    line: 3,
    says: "invalid JSON",
  },
  {
    name: "nan-only-in-text.jsonl",
    content: `${GOOD_LINE}{"id": "is: NaN," oops}\n`,
    code: "RECORD_INVALID",
    line: 2,
    says: "expected one object per line",
  },
  { name: "empty.jsonl", content: "", code: "DATASET_INVALID", line: 1, says: "without rows" },
  { name: "blank.jsonl", content: "\n \r\n\n", code: "DATASET_INVALID", line: 1, says: "without rows" },
  { name: "empty.jsonl.gz", content: gzipSync(""), code: "DATASET_INVALID", line: 1, says: "without rows" },
  {
    name: "latin1.jsonl",
    content: Buffer.from(GOOD_LINE + row({ prompt: "caf\u00e9" }), "latin1"),
    code: "FILE_CORRUPT",
    line: 2,
    says: "not UTF-8 (near byte 40 of the line)",
  },
  {
    name: "cut-character.jsonl",
    content: Buffer.concat([Buffer.from(`${GOOD_LINE}{"id": "`), Buffer.from([0xe2, 0x82])]),
    code: "FILE_CORRUPT",
    line: 2,
    says: "expected UTF-8",
  },
  {
    name: "utf-16.jsonl",
    content: Buffer.from(`\uFEFF${GOOD_LINE}`, "utf16le"),
    code: "FILE_CORRUPT",
    line: 1,
    says: "not UTF-8 (near byte 1 of the line)",
  },
  {
    name: "plain.jsonl.gz",
    content: GOOD_LINE,
    code: "FILE_CORRUPT",
    line: 1,
    says: "not gzip data although the name ends in .gz",
  },
  {
    name: "zipped.jsonl",
    content: gzipSync(GOOD_LINE),
    code: "FILE_CORRUPT",
    line: 1,
    says: "received gzip data, expected plain text",
  },
];

describe("a bad file is refused with its name and line", () => {
  test.each(badFiles)("$name", async ({ name, content, code, line, says }) => {
    const path = file(name, content);
    const error = await failure(readJudgedRecords([path]));
    expect(error.message).toContain(`${path}:${line}: `);
    expect(error.message).toContain(says);
    expect(error.code).toBe(code);
    expect(error.hint).toBeTruthy();
  });

  test("truncated gzip names the line it ends in", async () => {
    const path = file("truncated.jsonl.gz", manyGzip.subarray(0, manyGzip.length / 2));
    const error = await failure(readJudgedRecords([path]));
    expect(error.code).toBe("FILE_CORRUPT");
    expect(error.message).toMatch(/truncated\.jsonl\.gz:\d+: .*received a truncated file/);
    expect(error.details.line).toBeGreaterThan(10);
    expect(error.details.line).toBeLessThan(3000);
  });

  test("gzip whose checksum does not match", async () => {
    const path = file("damaged.jsonl.gz", damagedGzip);
    const error = await failure(readJudgedRecords([path]));
    expect(error.code).toBe("FILE_CORRUPT");
    expect(error.message).toMatch(/damaged\.jsonl\.gz:\d+: the gzip data is damaged/);
  });

  test("gzip cut inside its last eight bytes is still refused", async () => {
    const path = file("cut-trailer.jsonl.gz", manyGzip.subarray(0, -1));
    expect((await failure(readJudgedRecords([path]))).code).toBe("FILE_CORRUPT");
  });

  test("no such file, and a folder", async () => {
    const missing = await failure(readJudgedRecords([join(folder, "nothing.jsonl")]));
    expect(missing.code).toBe("FILE_NOT_FOUND");
    expect(missing.message).toContain(join(folder, "nothing.jsonl"));
    const inner = join(folder, "folder.jsonl");
    mkdirSync(inner);
    const directory = await failure(readJudgedRecords([inner]));
    expect(directory.code).toBe("FILE_NOT_FOUND");
    expect(directory.message).toContain(`${inner} is a folder`);
  });

  test("no files at all", async () => {
    expect((await failure(readJudgedRecords([]))).code).toBe("INVALID_ARGUMENT");
  });
});

describe("several files and given candidates", () => {
  test("an id in two files names both places", async () => {
    const one = file("one.jsonl", GOOD_LINE);
    const two = file("two.jsonl", row({}) + GOOD_LINE);
    const error = await failure(readJudgedRecords([one, two]));
    expect(error.code).toBe("DATASET_INVALID");
    expect(error.message).toContain(`${two}:2: field id: received "a" again (first at ${one}:1)`);
  });

  test("candidates of another file", async () => {
    const one = file("pool-1.jsonl", GOOD_LINE);
    const two = file("pool-2.jsonl", row({ candidates: { Other: { response: "", score: 0 } } }));
    const error = await failure(readJudgedRecords([one, two]));
    expect(error.code).toBe("UNKNOWN_CANDIDATE");
    expect(error.message).toContain(`${two}:1: field candidates["Other"]`);
    expect(error.message).toContain(`${one}:1`);
  });

  test("an option that does not match the first row", async () => {
    const path = file("option.jsonl", GOOD_LINE);
    const missing = await failure(readJudgedRecords([path], { candidates: ["Big", "Small", "Third"] }));
    expect(missing.code).toBe("RECORD_INVALID");
    expect(missing.message).toContain(`${path}:1: field candidates["Third"]: received nothing`);
    const unknown = await failure(readJudgedRecords([path], { candidates: ["Big", "Smal"] }));
    expect(unknown.code).toBe("UNKNOWN_CANDIDATE");
    expect(unknown.message).toContain(`${path}:1: field candidates["Small"]`);
    expect(unknown.hint).toBe('did you mean "Smal"?');
  });

  test.each([[[]], [["Big", "Big"]]])("candidates %j are no list of names", async (candidates) => {
    const path = file("names.jsonl", GOOD_LINE);
    expect((await failure(readJudgedRecords([path], { candidates }))).code).toBe("INVALID_ARGUMENT");
  });

  test("order of first appearance, unless told", async () => {
    const swapped = { Small: good.candidates.Small, Big: good.candidates.Big };
    const path = file("order.jsonl", GOOD_LINE + row({ candidates: swapped }));
    expect((await readJudgedRecords([path])).candidates).toEqual(["Big", "Small"]);
    const options = { candidates: ["Small", "Big"] };
    expect((await readJudgedRecords([path], options)).candidates).toEqual(["Small", "Big"]);
  });
});

describe("what is accepted", () => {
  test("CRLF, a byte-order mark, blank lines, no last newline, extra fields, chat prompts", async () => {
    const chat = [
      { role: "system", content: "" },
      { role: "user", content: "caf\u00e9 \u{1F600}" },
    ];
    const second = { ...good, id: "b", prompt: chat, split: "train", tags: ["x"], nested: { score: null } };
    const text = `\uFEFF${JSON.stringify(good)}\r\n\r\n${JSON.stringify(second)}`;
    const { records } = await readJudgedRecords([file("accepted.jsonl", text)]);
    expect(records).toEqual([good, second]);
  });

  test("an empty response and the text NaN inside strings", async () => {
    const line = candidate({ response: "", score: -6.5, tokens: 0, note: '"score": NaN,' });
    const { records } = await readJudgedRecords([file("odd.jsonl", line)]);
    expect(records[0]?.candidates.Small).toMatchObject({ response: "", score: -6.5, tokens: 0 });
  });

  test("several samples of a candidate", async () => {
    const samples = [
      { response: "one", score: 1 },
      { response: "two", score: 0 },
    ];
    const line = candidate({ score: 0.5, samples });
    const { records } = await readJudgedRecords([file("samples.jsonl", line)]);
    expect(records[0]?.candidates.Small?.samples).toEqual(samples);
  });

  test("rows longer than a read chunk, and gzip of several members", async () => {
    const long = row({ id: "long", prompt: "\u20ac".repeat(400_000) });
    const content = Buffer.concat([gzipSync(GOOD_LINE + long), gzipSync(many.join(""))]);
    const { records } = await readJudgedRecords([file("members.jsonl.gz", content)]);
    expect(records).toHaveLength(3002);
    expect(records[1]?.prompt).toHaveLength(400_000);
    expect(records.at(-1)?.id).toBe("many-2999");
  });
});
