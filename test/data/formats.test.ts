/** Every format is recognised, read, kept in a store, written and read back, in every container that can hold it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import {
  DATA_FORMATS,
  importFiles,
  type JudgedStore,
  openDataFiles,
  openStore,
  type RowGroup,
  readDataFiles,
  storeEntries,
  writeDataFile,
  writeStoreRows,
} from "../../src/judged/index.ts";
import { SAMPLES, type Sample, sampleOf } from "./rows.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-formats-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const AT = { createdAt: "2026-01-31T12:00:00.000Z", source: "set" };
let made = 0;
const place = (name: string): string => join(folder, `${made++}-${name}`);

function write(rows: readonly unknown[], name = "data.jsonl"): string {
  const path = place(name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** The sample's file after those that it belongs to, whose order is left to the reader. */
const filesOf = (sample: Sample): string[] => [
  write(sample.rows, `${sample.format}.jsonl`),
  ...(sample.after ?? []).map((format) => write(sampleOf(format).rows, `${format}.jsonl`)),
];

async function groupsOf(paths: readonly string[], options = {}): Promise<RowGroup[]> {
  const groups: RowGroup[] = [];
  for await (const group of readDataFiles(await openDataFiles(paths, { ...AT, ...options }), {
    ...AT,
    ...options,
  }))
    groups.push(group);
  return groups;
}

const rowsOf = (groups: readonly RowGroup[]) => ({
  prompts: [...new Map(groups.flatMap(({ prompts }) => prompts).map((row) => [row.key, row])).values()],
  responses: groups.flatMap(({ responses }) => responses),
  judgements: groups.flatMap(({ judgements }) => judgements),
});

async function withStore<T>(use: (store: JudgedStore) => Promise<T>): Promise<T> {
  const store = await openStore(place("store.db"));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

test("every format but the store's own rows has a sample", () => {
  expect(SAMPLES.map(({ format }) => format).sort()).toEqual(
    DATA_FORMATS.map(({ name }) => name)
      .filter((name) => name !== "rows")
      .sort(),
  );
});

describe.each(SAMPLES)("$format", (sample) => {
  test("is recognised by its content, alone of all formats", async () => {
    for (const row of sample.rows) {
      const [file] = await openDataFiles([write([row])]);
      expect(file!.format.name).toBe(sample.format);
    }
  });

  test("gives the rows that it says", async () => {
    const all = rowsOf(await groupsOf(filesOf(sample)));
    const own = rowsOf(
      (await groupsOf(filesOf(sample))).filter((group) =>
        group.place.file.endsWith(`${sample.format}.jsonl`),
      ),
    );
    expect([own.prompts.length, own.responses.length, own.judgements.length]).toEqual(sample.counts);
    const keys = new Set(all.responses.map(({ key }) => key));
    expect(
      all.judgements.every(
        ({ responseKey, rivalKey }) => keys.has(responseKey) && (!rivalKey || keys.has(rivalKey)),
      ),
    ).toBe(true);
  });

  test("is imported once, however often", async () => {
    await withStore(async (store) => {
      const paths = filesOf(sample);
      const first = await importFiles(store, paths, AT);
      const before = await store.stats();
      const second = await importFiles(store, paths, AT);
      expect(await store.stats()).toEqual(before);
      for (const table of ["prompts", "responses", "judgements"] as const) {
        expect(second[table].inserted).toBe(
          // A failed request is asked for again: its row is written anew.
          table === "responses" && sample.format === "openai-batch-output" ? 1 : 0,
        );
        expect(first[table].inserted).toBe(before[table]);
      }
    });
  });
});

const models = ["mistralai/Mixtral", "gpt-4"];
const WRITTEN = DATA_FORMATS.filter(
  ({ name, writer }) => writer && !["rows", "openai-batch"].includes(name),
).map(({ name }) => name);
const CSV = ["routellm", "routerbench", "alpaca-eval-output", "alpaca-ranking"];

describe.each(WRITTEN)("%s, written and read", (format) => {
  const options = {
    format,
    ...(["routellm"].includes(format) && { models }),
    ...(format === "routerbench" && { models: ["gpt-4", "WizardLM/13B"] }),
  };
  const containers = [
    "jsonl",
    "jsonl.gz",
    "json",
    "json.gz",
    "parquet",
    ...(CSV.includes(format) ? ["csv", "csv.gz"] : []),
  ];

  test.each(containers)("as .%s says the same", async (ending) => {
    await withStore(async (store) => {
      await importFiles(store, filesOf(sampleOf(format)), AT);
      const path = place(`written.${ending}`);
      const report = await writeDataFile(path, storeEntries(store), options);
      expect(report.rows).toBeGreaterThan(0);
      // Answers need their questions, which the file of answers does not hold.
      const questions = (sampleOf(format).after ?? []).map((name) => write(sampleOf(name).rows));
      if (format === "openai-batch-output") {
        const requests = place("requests.jsonl");
        await writeDataFile(requests, storeEntries(store), {
          format: "openai-batch",
          model: "gpt-4o-mini",
          samples: 2,
          parameters: { max_tokens: 9 },
        });
        questions.splice(0, 1, requests);
      }
      const back = rowsOf(
        await groupsOf([path, ...questions], { format: questions.length === 0 ? format : undefined }),
      );
      const texts = (rows: readonly { readonly text: string; readonly model: string }[]) =>
        rows.map(({ model, text }) => `${model}\n${text}`).sort();
      const kept: { text: string; model: string; key: string }[] = [];
      for await (const row of store.responses({
        statuses: ["ok", "truncated", "empty", "refusal", "filtered"],
      }))
        kept.push(row);
      if (format === "mt-bench-question" || format === "arena-hard-question" || format === "prompts") {
        expect(back.prompts).toHaveLength(report.prompts);
      } else {
        expect(texts(back.responses)).toEqual(texts(kept));
      }
      const promptTexts = new Set(back.prompts.map(({ messages }) => JSON.stringify(messages)));
      for await (const { messages, id } of store.prompts()) {
        const hasAnswer = !(format === "messages" || format === "sharegpt") || id !== "3";
        if (hasAnswer) expect(promptTexts).toContain(JSON.stringify(messages));
      }
    });
  });
});

test("judged records keep every key, score and extra on the way out and in", async () => {
  await withStore(async (store) => {
    const paths = filesOf(sampleOf("judged-record"));
    await importFiles(store, paths, AT);
    await store.putResponses([]);
    const path = place("again.jsonl.gz");
    await writeDataFile(path, storeEntries(store), { format: "judged-record" });
    const [before, after] = [rowsOf(await groupsOf(paths)), rowsOf(await groupsOf([path]))];
    const sorted = (rows: readonly { readonly key: string }[]) =>
      [...rows].sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(sorted(after.prompts)).toEqual(sorted(before.prompts));
    expect(sorted(after.responses).map(({ key }) => key)).toEqual(
      sorted(before.responses).map(({ key }) => key),
    );
    expect(sorted(after.judgements)).toEqual(sorted(before.judgements));
  });
});

test.each(["jsonl.gz", "parquet"])("rows of the store are the same after .%s", async (ending) => {
  const path = place(`rows.${ending}`);
  const all = async (store: JudgedStore) => {
    const found: unknown[] = [];
    for (const rows of [store.prompts(), store.responses(), store.judgements(), store.selections()])
      for await (const row of rows) found.push(row);
    return found;
  };
  const before = await withStore(async (store) => {
    for (const format of [
      "judged-record",
      "preference",
      "mt-bench-pair",
      "openai-batch-output",
      "ultrafeedback",
    ]) {
      await importFiles(store, filesOf(sampleOf(format)), AT);
    }
    const [first] = rowsOf(await groupsOf(filesOf(sampleOf("judged-record")))).prompts;
    const selection = { selector: "best", options: { gap: 0.5 }, promptKey: first!.key };
    const { selectionKey } = await import("../../src/judged/index.ts");
    await store.putSelections([
      { key: selectionKey(selection), ...selection, isKept: false, reason: "tie", createdAt: AT.createdAt },
    ]);
    await writeStoreRows(path, store, {});
    return await all(store);
  });
  await withStore(async (store) => {
    await importFiles(store, [path]);
    expect(await all(store)).toEqual(before);
  });
});

test("gzip is recognised by content, whatever the name", async () => {
  const path = place("data.jsonl");
  writeFileSync(path, gzipSync(`${JSON.stringify(sampleOf("alpaca").rows[0])}\n`));
  expect((await groupsOf([path])).length).toBe(1);
});

test("the format can be named, and its rows have to fit then", async () => {
  const path = write([{ prompt: "2 + 2?", completion: "4", label: true }]);
  expect((await openDataFiles([path], { format: "prompts" }))[0]!.format.name).toBe("prompts");
  await expect(groupsOf([path], { format: "alpaca" })).rejects.toMatchObject({ code: "RECORD_INVALID" });
  await expect(openDataFiles([path], { format: "alpacca" })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    hint: 'did you mean "alpaca"?',
  });
});

test("rounds of arithmetic: what the verdicts of benchmarks become", async () => {
  const judgements = async (format: string) =>
    rowsOf(await groupsOf(filesOf(sampleOf(format)))).judgements.map(({ score, verdict }) => [
      score,
      verdict,
    ]);
  expect(await judgements("arena-hard-judgment")).toEqual([
    [0.5, "A>B A>>B"],
    [null, "judge_failed"],
  ]);
  expect(await judgements("mt-bench-single")).toEqual([
    [6, "rated"],
    [null, "judge_failed"],
  ]);
  expect(await judgements("mt-bench-pair")).toEqual([
    [0, "model_2 model_2"],
    [null, "model_2 error"],
  ]);
  expect(await judgements("alpaca-eval-annotation")).toEqual([
    [0.25, "worse"],
    [null, "judge_failed"],
  ]);
});
