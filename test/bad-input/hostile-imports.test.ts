/**
 * Hostile files at the door of the store: each is refused by a typed error that names file, line and, where there is one, the
 * field, and leaves the store as it was.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ParquetFile } from "../../src/judged/formats/containers/parquet-write.ts";
import { type ImportOptions, importFiles, type JudgedStore, openStore } from "../../src/judged/index.ts";
import { TuttiError } from "../../src/support/errors.ts";
import { threefry2x32 } from "../../src/tensor/random.ts";
import { SAMPLES, type Sample, sampleOf } from "../data/rows.ts";

interface Harm {
  readonly name: string;
  /** Name of the hostile file. */
  readonly file?: string;
  readonly content: string | Uint8Array | (() => string | Uint8Array);
  readonly codes?: readonly string[];
  readonly line?: number;
  /** Each must occur in the message. */
  readonly mentions?: readonly string[];
  readonly options?: ImportOptions;
  readonly after?: Sample["after"];
}

const folder = mkdtempSync(join(tmpdir(), "tutti-hostile-imports-"));
let store: JudgedStore;
let kept: unknown;
let made = 0;

function place(name: string, content: string | Uint8Array): string {
  const directory = join(folder, String(made++));
  mkdirSync(directory);
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

const lines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

beforeAll(async () => {
  store = await openStore(join(folder, "store.db"));
  await importFiles(store, [place("data.jsonl", lines(sampleOf("judged-record").rows))]);
  kept = await store.stats();
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A field that a format needs, gone or of another type, in the last row of a file. */
function fieldHarms({ format, rows, needed, after }: Sample): Harm[] {
  const good = rows.slice(1, 2);
  const kinds: readonly (readonly [string, unknown])[] = [
    ["missing", undefined],
    ["null", null],
    ["an object", { a: [] }],
    ["a list of numbers", [1, 2]],
  ];
  return needed.flatMap((field) =>
    kinds.map(([kind, value]): Harm => {
      const [first] = rows;
      return {
        name: `${format}: ${field} is ${kind}`,
        content: lines([...good, { ...first, [field]: value }]),
        codes: ["RECORD_INVALID", "DATASET_INVALID"],
        line: good.length + 1,
        mentions: ["field", "received", "expected"],
        // Without a good row before it, the file would be recognised as nothing.
        ...(good.length === 0 && { options: { format } }),
        ...(after && { after }),
      };
    }),
  );
}

/** The same row twice, where rows have ids. */
const repeatHarms: readonly Harm[] = SAMPLES.filter(({ needed }) =>
  needed.some((field) => /(^|_)id$/.test(field) || ["generator", "generator_1"].includes(field)),
).map(
  ({ format, rows, after }): Harm => ({
    name: `${format}: a row twice`,
    content: lines([rows[0], rows[0]]),
    codes: ["DATASET_INVALID"],
    line: 2,
    mentions: ["again (first at ", "field "],
    ...(after && { after }),
  }),
);

const record = sampleOf("judged-record").rows[0] as Record<string, unknown>;
const other = { ...record, id: "other" };
const goodLine = lines([record]);
const raw = (text: string): string => `${goodLine}${text}\n`;
const scored = (text: string): string =>
  raw(`{"id":"x","benchmark":"B","prompt":"p","candidates":{"a":{"response":"r","score":${text}}}}`);
const packed = gzipSync(
  lines(
    Array.from({ length: 200 }, (_, index) => ({
      ...record,
      id: `r${index}`,
      prompt: `prompt ${index * 7919}`,
    })),
  ),
);
const parquet = readFileSync(join(import.meta.dirname, "../../fixtures/parquet/snappy-v1.parquet"));
const flipped = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at]! ^= value;
  return copy;
};
const bytes = (...parts: (string | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
const CORRUPT = ["FILE_CORRUPT"];
const ROW = ["RECORD_INVALID"];

const textHarms: readonly Harm[] = [
  { name: "NaN", content: scored("NaN"), codes: ROW, line: 2, mentions: ["score", "NaN"] },
  { name: "Infinity", content: scored("-Infinity"), codes: ROW, line: 2, mentions: ["score", "-Infinity"] },
  {
    name: "a number beyond doubles",
    content: scored("1e999"),
    codes: ROW,
    line: 2,
    mentions: ["score", "Infinity"],
  },
  { name: "a score as text", content: scored('"high"'), codes: ROW, line: 2, mentions: ["score"] },
  {
    name: "half a surrogate pair",
    content: raw(
      '{"id":"x","benchmark":"B","prompt":"\\ud800","candidates":{"a":{"response":"","score":1}}}',
    ),
    codes: ROW,
    line: 2,
    mentions: ["field prompt", "surrogate"],
  },
  {
    name: "half a surrogate pair in a name",
    content: raw('{"id":"x","\\udc00":1}'),
    codes: ROW,
    line: 2,
    mentions: ["surrogate"],
  },
  {
    name: "broken UTF-8",
    content: bytes(goodLine, '{"id":"', [0xff, 0xfe], '"}\n'),
    codes: CORRUPT,
    line: 2,
    mentions: ["UTF-8"],
  },
  {
    name: "overlong UTF-8",
    content: bytes(goodLine, '{"id":"', [0xc0, 0xaf], '"}\n'),
    codes: CORRUPT,
    line: 2,
    mentions: ["UTF-8"],
  },
  {
    name: "UTF-8 cut off",
    content: bytes(goodLine, '{"id":"', [0xe4, 0xbd]),
    codes: CORRUPT,
    line: 2,
    mentions: ["UTF-8"],
  },
  {
    name: "UTF-16",
    content: Buffer.from(`\ufeff${goodLine}`, "utf16le"),
    codes: [...CORRUPT, ...ROW],
    line: 1,
  },
  { name: "a line cut off", content: raw('{"id":"x","benchmark":'), codes: ROW, line: 2, mentions: ["JSON"] },
  { name: "single quotes", content: raw("{'id': 'x'}"), codes: ROW, line: 2, mentions: ["JSON"] },
  { name: "a trailing comma", content: raw('{"id":"x",}'), codes: ROW, line: 2, mentions: ["JSON"] },
  {
    name: "two objects on a line",
    content: raw('{"id":"x"}{"id":"y"}'),
    codes: ROW,
    line: 2,
    mentions: ["JSON"],
  },
  {
    name: "a number as row",
    content: raw("7"),
    codes: ROW,
    line: 2,
    mentions: ["field (row)", "the number 7"],
  },
  { name: "null as row", content: raw("null"), codes: ROW, line: 2, mentions: ["field (row)", "null"] },
  { name: "a list as row", content: raw("[1]"), codes: ROW, line: 2, mentions: ["field (row)"] },
  { name: "text as row", content: raw('"text"'), codes: ROW, line: 2, mentions: ["field (row)"] },
  {
    name: "deep nesting",
    content: raw(`{"id":${"[".repeat(1000)}${"]".repeat(1000)}}`),
    codes: ROW,
    line: 2,
    mentions: ["nested"],
  },
  {
    name: "nesting that no parser survives",
    content: () => raw(`{"id":${"[".repeat(3_000_000)}`),
    codes: ROW,
    line: 2,
    mentions: ["nested"],
  },
  {
    name: "very many values",
    content: () => raw(`{"id":[${"1,".repeat(400_000)}1]}`),
    codes: ROW,
    line: 2,
    mentions: ["values"],
  },
  {
    name: "very many empty objects",
    content: () => raw(`{"id":[${"{},".repeat(3_000_000)}{}]}`),
    codes: ROW,
    line: 2,
    mentions: ["values"],
  },
  {
    name: "a line without end",
    content: () => Buffer.concat([Buffer.from(`${goodLine}{"id":"`), Buffer.alloc(40 << 20, 0x61)]),
    codes: CORRUPT,
    line: 2,
    mentions: ["16777216 bytes"],
  },
  { name: "zeros", content: Buffer.alloc(4096), codes: [...CORRUPT, ...ROW], line: 1 },
  { name: "an empty file", content: "", codes: ["DATASET_INVALID"], line: 1, mentions: ["without rows"] },
  {
    name: "blank lines only",
    content: "\n \n\n",
    codes: ["DATASET_INVALID"],
    line: 1,
    mentions: ["without rows"],
  },
  { name: "a byte-order mark only", content: "\ufeff", codes: ["DATASET_INVALID"], line: 1 },
  { name: "HTML", content: "<!doctype html><html>404</html>\n", codes: ROW, line: 1 },
  {
    name: "a Git LFS pointer",
    content: "version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    codes: ROW,
    line: 1,
  },
  {
    name: "rows of no format",
    content: '{"a":1}\n',
    codes: ["DATASET_INVALID"],
    line: 1,
    mentions: ["none of the formats"],
  },
  { name: "an empty object", content: "{}\n", codes: ["DATASET_INVALID"], line: 1, mentions: ["no fields"] },
  {
    name: "__proto__ as a row's only field",
    content: '{"__proto__":{"kind":"prompt","key":"x"}}\n',
    codes: ["DATASET_INVALID"],
    line: 1,
    mentions: ["__proto__"],
  },
  {
    name: "a first good and a second foreign row",
    content: lines([record, sampleOf("alpaca").rows[0]]),
    codes: ROW,
    line: 2,
    mentions: ["field"],
  },
  {
    name: "one id with two prompts",
    content: lines([record, { ...record, prompt: "other" }]),
    codes: ["DATASET_INVALID"],
    line: 2,
    mentions: ["first at", ":1)"],
  },
  {
    name: "one answer with two scores",
    content: lines([
      other,
      {
        ...other,
        id: "again",
        candidates: { small: { response: "5", score: 1 }, large: { response: "4", score: 1 } },
      },
    ]),
    codes: ["DATASET_INVALID"],
    line: 2,
    mentions: ["another verdict", "line 1"],
  },
  {
    name: "tool calls",
    content: lines([
      ...sampleOf("messages").rows.slice(0, 1),
      {
        messages: [
          { role: "user", content: "x" },
          { role: "tool", content: "y" },
        ],
      },
    ]),
    codes: ROW,
    line: 2,
    mentions: ["messages[1].role"],
  },
  {
    name: "pictures",
    content: lines([
      ...sampleOf("messages").rows.slice(0, 1),
      { messages: [{ role: "user", content: [{ type: "image_url" }] }] },
    ]),
    codes: ROW,
    line: 2,
    mentions: ["messages[0].content"],
  },
  {
    name: "an answer without a question",
    content: lines([{ messages: [{ role: "assistant", content: "x" }] }]),
    codes: ROW,
    line: 1,
    mentions: ["field messages"],
  },
  {
    name: "equal answers in a pair",
    content: lines([{ prompt: "p", chosen: "x", rejected: "x" }]),
    codes: ROW,
    line: 1,
    mentions: ["field rejected"],
  },
  {
    name: "a pair about two questions",
    content: lines([
      {
        chosen: [
          { role: "user", content: "a" },
          { role: "assistant", content: "x" },
        ],
        rejected: [
          { role: "user", content: "b" },
          { role: "assistant", content: "y" },
        ],
      },
    ]),
    codes: ROW,
    line: 1,
    mentions: ["another conversation"],
  },
  {
    name: "a verdict that is none",
    content: lines([
      { ...sampleOf("arena-hard-judgment").rows[0], games: [{ score: "A>>>B" }, { score: "A=B" }] },
    ]),
    after: ["arena-hard-question", "arena-hard-answer"],
    codes: ROW,
    line: 1,
    mentions: ["games[0].score", "A>>>B"],
  },
  {
    name: "a preference beyond its range",
    content: lines([{ ...sampleOf("alpaca-eval-annotation").rows[0], preference: 3 }]),
    codes: ROW,
    line: 1,
    mentions: ["field preference"],
  },
  {
    name: "answers without their questions",
    content: lines(sampleOf("mt-bench-answer").rows),
    codes: ROW,
    line: 1,
    mentions: ["question_id", "question file"].slice(0, 1),
  },
  {
    name: "verdicts without their answers",
    content: lines(sampleOf("mt-bench-single").rows),
    after: ["mt-bench-question"],
    codes: ROW,
    line: 1,
    mentions: ["turn 1"],
  },
  {
    name: "batch answers without their requests",
    content: lines(sampleOf("openai-batch-output").rows),
    codes: ROW,
    line: 1,
    mentions: ["custom_id"],
  },
  {
    name: "a batch of embeddings",
    content: lines([{ ...sampleOf("openai-batch").rows[0], url: "/v1/embeddings" }]),
    codes: ROW,
    line: 1,
    mentions: ["field url"],
  },
  {
    name: "a row of the store with a changed text",
    content: lines([
      {
        kind: "prompt",
        key: "0".repeat(32),
        id: "a",
        messages: [{ role: "user", content: "x" }],
        domain: "d",
        source: "s",
        createdAt: "2026-01-01T00:00:00Z",
      },
    ]),
    codes: ROW,
    line: 1,
    mentions: ["field key"],
  },
  {
    name: "a batch answer to a prompt that is nowhere",
    content: lines([{ custom_id: "r9", response: { status_code: 200, body: { choices: [] } } }]),
    after: ["openai-batch"],
    codes: ROW,
    line: 1,
    mentions: ["custom_id"],
  },
  {
    name: "an unknown format",
    content: goodLine,
    options: { format: "csv" },
    codes: ["INVALID_ARGUMENT"],
    mentions: ["expected one of"],
  },
];

const listHarms: readonly Harm[] = (
  [
    ["a list cut off between rows", `[${goodLine.trim()},\n`, 2, "ends within"],
    ["a list cut off in a row", `[${goodLine.trim()},\n{"id":"x`, 2, "row that starts here"],
    ["a list of numbers", `[\n1]`, 2, "field (row)"],
    ["two commas", `[${goodLine.trim()},\n,]`, 2, "field (row)"],
    ["no comma", `[${goodLine.trim()}\n{"id":"x"}]`, 2, "comma"],
    ["a comma at the end", `[${goodLine.trim()},\n]`, 2, "a row: {"],
    ["text after the list", `[${goodLine.trim()}]\nx`, 2, "nothing after"],
    ["an empty list", "[]", 1, "without rows"],
    ["a row that is no JSON", `[${goodLine.trim()},\n{id: 1}]`, 2, "JSON"],
    [
      "braces in braces without end",
      `[${goodLine.trim()},\n${'{"a":'.repeat(300)}`,
      2,
      "row that starts here",
    ],
  ] as const
).map(
  ([name, content, line, says]): Harm => ({
    name: `JSON list: ${name}`,
    file: "data.json",
    content,
    line,
    mentions: [says],
  }),
);

const HEAD = 'prompt,small,large,"small_response"\n';
const csvHarms: readonly Harm[] = (
  [
    ["too few fields", `${HEAD}a,True,False,x\nb,True\n`, 3, "2 fields"],
    ["too many fields", `${HEAD}a,True,False,x\nb,True,True,x,y\n`, 3, "5 fields"],
    ["a column twice", "prompt,a,a\np,1,0\n", 1, "twice"],
    ["a quote without end", `${HEAD}a,True,False,x\n"b,True,False,x\n`, 3, "closing quote"],
    ["text after a quote", `${HEAD}a,True,False,x\n"b"c,True,False,x\n`, 3, "after a closing quote"],
    ["a quote in a field", `${HEAD}a,True,False,x\nb"c,True,False,x\n`, 3, "quote"],
    ["a score that is none", `${HEAD}a,True,False,x\nb,maybe,False,x\n`, 3, "field small"],
    ["a score that is empty", `${HEAD}a,True,False,x\nb,,False,x\n`, 3, "field small"],
    ["NaN", `${HEAD}a,True,False,x\nb,NaN,False,x\n`, 3, "field small"],
    ["a prompt that is blank", `${HEAD}a,True,False,x\n ,True,False,x\n`, 3, "field prompt"],
    ["only a header", HEAD, 1, "without rows"],
    ["very many columns", `${"c,".repeat(5000)}c\n`, 1, "columns"],
  ] as const
).map(
  ([name, content, line, says]): Harm => ({
    name: `CSV: ${name}`,
    file: "data.csv",
    content,
    line,
    mentions: [says],
  }),
);

const csvBytes: Harm = {
  name: "CSV: broken UTF-8",
  file: "data.csv",
  content: bytes(`${HEAD}a,True,False,x\n`, [0xff], ",True,False,x\n"),
  codes: CORRUPT,
  mentions: ["UTF-8"],
};

const gzipHarms: readonly Harm[] = [
  ...[10, 11, 12, 20, 50, 200, packed.length - 9, packed.length - 8, packed.length - 1].map(
    (length): Harm => ({
      name: `gzip cut off after ${length} bytes`,
      file: "data.jsonl.gz",
      content: packed.subarray(0, length),
      codes: CORRUPT,
      mentions: ["gzip"],
    }),
  ),
  ...[2, 3, 12, 40, packed.length - 6, packed.length - 3].map(
    (at): Harm => ({
      name: `gzip with byte ${at} changed`,
      file: "data.jsonl.gz",
      content: flipped(packed, at, 0xff),
      codes: [...CORRUPT, ...ROW],
    }),
  ),
  {
    name: "text called .gz",
    file: "data.jsonl.gz",
    content: goodLine,
    codes: CORRUPT,
    line: 1,
    mentions: ["not gzip"],
  },
  {
    name: "a bomb of blank lines",
    file: "data.jsonl.gz",
    content: () =>
      gzipSync(Buffer.concat([Buffer.from(goodLine), Buffer.alloc(320 << 20, "\n")]), { level: 9 }),
    codes: CORRUPT,
    mentions: ["decompression bomb"],
  },
  {
    name: "a bomb of one line",
    file: "data.jsonl.gz",
    content: () =>
      gzipSync(Buffer.concat([Buffer.from(`${goodLine}"`), Buffer.alloc(64 << 20, "a")]), { level: 9 }),
    codes: CORRUPT,
    line: 2,
    mentions: ["16777216 bytes"],
  },
  {
    name: "a bomb as JSON list",
    file: "data.json.gz",
    content: () =>
      gzipSync(Buffer.concat([Buffer.from(`[${goodLine}`), Buffer.alloc(320 << 20, " ")]), { level: 9 }),
    codes: CORRUPT,
    mentions: ["decompression bomb"],
  },
  {
    name: "a bomb as CSV",
    file: "data.csv.gz",
    content: () =>
      gzipSync(Buffer.concat([Buffer.from(`${HEAD}"`), Buffer.alloc(64 << 20, "a")]), { level: 9 }),
    codes: [...CORRUPT, ...ROW],
    mentions: ["16777216"],
  },
];

/** The same long text in every row, which a dictionary keeps once a row group. */
function parquetBomb(): Uint8Array {
  const path = join(folder, "bomb.parquet");
  const file = new ParquetFile(path, [
    { name: "id", type: "text" },
    { name: "prompt", type: "text" },
  ]);
  const prompt = "bomb ".repeat(200_000);
  for (let row = 0; row < 700; row++) file.write({ id: `r${row}`, prompt });
  file.finish();
  return readFileSync(path);
}

const parquetHarms: readonly Harm[] = [
  ...Array.from({ length: 20 }, (_, step): Harm => {
    const length = Math.floor((parquet.length * (step + 1)) / 21);
    return {
      name: `Parquet cut off after ${length} bytes`,
      file: "data.parquet",
      content: parquet.subarray(0, length),
      codes: CORRUPT,
      line: 1,
    };
  }),
  { name: "Parquet of 4 bytes", file: "data.parquet", content: "PAR1", codes: CORRUPT, line: 1 },
  {
    name: "Parquet without a start",
    file: "data.parquet",
    content: "xxxxxxxxxxxxxxxx",
    codes: CORRUPT,
    line: 1,
    mentions: ["PAR1"],
  },
  {
    name: "Parquet with a footer longer than itself",
    file: "data.parquet",
    content: bytes("PAR1", [0xff, 0xff, 0xff, 0x7f], "PAR1"),
    codes: CORRUPT,
    line: 1,
    mentions: ["footer"],
  },
  {
    name: "Parquet with an empty footer",
    file: "data.parquet",
    content: bytes("PAR1", [0, 0, 0, 0, 0], "PAR1"),
    codes: CORRUPT,
    line: 1,
  },
  {
    name: "Parquet with a footer of lists without end",
    file: "data.parquet",
    content: bytes(
      "PAR1",
      [0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f, 6, 0, 0, 0].slice(0, 7),
      [7, 0, 0, 0],
      "PAR1",
    ),
    codes: CORRUPT,
    line: 1,
  },
  {
    name: "Parquet with a footer nested without end",
    file: "data.parquet",
    content: () =>
      Buffer.concat([
        Buffer.from("PAR1"),
        Buffer.alloc(1 << 20, 0x1c),
        Buffer.from([0, 0, 16, 0]),
        Buffer.from("PAR1"),
      ]),
    codes: CORRUPT,
    line: 1,
  },
  {
    name: "Parquet of no format",
    file: "data.parquet",
    content: parquet.subarray(0, -1).length ? flipped(parquet, parquet.length - 1, 1) : "",
    codes: CORRUPT,
    line: 1,
    mentions: ["PAR1"],
  },
  {
    name: "Parquet bomb of a dictionary",
    file: "data.parquet",
    content: parquetBomb,
    codes: CORRUPT,
    mentions: ["decompression bomb"],
  },
];

const HARMS: readonly Harm[] = [
  ...SAMPLES.flatMap(fieldHarms),
  ...repeatHarms,
  ...textHarms.map((harm) => ({ ...harm, name: `text: ${harm.name}` })),
  ...listHarms,
  ...csvHarms,
  csvBytes,
  ...gzipHarms,
  ...parquetHarms,
];

test("there are at least 200, each with a name of its own", () => {
  expect(HARMS.length).toBeGreaterThanOrEqual(200);
  expect(new Set(HARMS.map(({ name }) => name)).size).toBe(HARMS.length);
});

describe("hostile files", () => {
  test.each(HARMS)(
    "$name",
    async ({
      file = "data.jsonl",
      content,
      codes = ["RECORD_INVALID", "DATASET_INVALID", "FILE_CORRUPT"],
      line,
      mentions = [],
      options,
      after = [],
    }) => {
      const path = place(file, typeof content === "function" ? content() : content);
      const before = after.map((format) => place(`${format}.jsonl`, lines(sampleOf(format).rows)));
      const started = process.cpuUsage();
      const error: unknown = await importFiles(store, [...before, path], options).catch(
        (thrown: unknown) => thrown,
      );
      const { user, system } = process.cpuUsage(started);
      expect(TuttiError.is(error), String((error as Error)?.stack)).toBe(true);
      const { code, message, hint } = error as TuttiError;
      expect(codes, message).toContain(code);
      if (code !== "INVALID_ARGUMENT") expect(message).toContain(`${basename(path)}:${line ?? ""}`);
      for (const mention of mentions) expect(message).toContain(mention);
      expect(hint).toBeTruthy();
      expect(message.length).toBeLessThan(2000);
      expect((user + system) / 1e6).toBeLessThan(30);
      expect(await store.stats()).toEqual(kept);
    },
  );
});

test("files with random bytes changed are refused or make sense, and end in time", async () => {
  const words = new Uint32Array(2);
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    threefry2x32(2026, 0, round, 0, words);
    const [base, file] = round % 2 === 0 ? [parquet, "data.parquet"] : [packed, "data.jsonl.gz"];
    const bad = flipped(base!, words[0]! % base!.length, (words[1]! % 255) + 1);
    // Of a format whose rows the Parquet file has, were it whole.
    const error: unknown = await importFiles(store, [place(file!, bad)], {
      format: round % 2 === 0 ? "messages" : "judged-record",
      source: "fuzz",
    }).catch((thrown: unknown) => thrown);
    if (error instanceof Error) {
      expect(TuttiError.is(error), `round ${round}: ${error.stack}`).toBe(true);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(200);
});

test.each([
  ["a file that is not there", () => join(folder, "nowhere.jsonl")],
  ["a folder", () => folder],
  ["a device", () => "/dev/null"],
])("%s", async (_, path) => {
  await expect(importFiles(store, [path()])).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
});
