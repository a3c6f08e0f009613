/**
 * One operation of the import-export benchmark in a process of its own, so that the peak of memory is its own.
 *
 *   import-export-once.ts OPERATION ROWS
 *
 * Prints {seconds, peakRssBytes}. Operations use what earlier ones made: the store, the Parquet file.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import {
  dedupePrompts,
  groupEntries,
  importFiles,
  openDataFiles,
  openStore,
  type PromptEntry,
  readDataFiles,
  splitByPrompt,
  storeEntries,
  writeDataFile,
} from "../../src/judged/index.ts";
import { conversations, placeOf } from "../import-export-work.ts";

const [operation, text] = process.argv.slice(2) as [string, string];
const rows = Number(text);
const file = await conversations(rows);
const at = (name: string): string => join(placeOf(rows), name);
const store = at("store.db");

async function* entriesOf(path: string): AsyncGenerator<PromptEntry> {
  for await (const group of readDataFiles(await openDataFiles([path]))) yield* groupEntries(group);
}

async function* promptsOf(path: string) {
  for await (const { prompt } of entriesOf(path)) yield prompt;
}

async function fromStore(path: string): Promise<number> {
  const opened = await openStore(store);
  try {
    return (await writeDataFile(path, storeEntries(opened), { format: "messages" })).rows;
  } finally {
    await opened.close();
  }
}

async function* part(isHeldOut: boolean): AsyncGenerator<PromptEntry> {
  for await (const entry of entriesOf(file)) {
    const record = { prompt: entry.prompt.messages };
    const { holdout } = splitByPrompt([record], { holdoutShare: 0.2, seed: 0 });
    if (holdout.length > 0 === isHeldOut) yield entry;
  }
}

/** Each returns how many rows it has dealt with. */
const OPERATIONS: Readonly<Record<string, () => Promise<number>>> = {
  "jsonl.gz into a store": async () => {
    for (const ending of ["", "-wal", "-shm"]) rmSync(store + ending, { force: true });
    const opened = await openStore(store);
    try {
      return (await importFiles(opened, [file])).responses.inserted;
    } finally {
      await opened.close();
    }
  },
  "store into jsonl.gz": () => fromStore(at("exported.jsonl.gz")),
  "store into parquet": () => fromStore(at("exported.parquet")),
  "jsonl.gz into parquet": async () =>
    (await writeDataFile(at("rows.parquet"), entriesOf(file), { format: "messages" })).rows,
  "parquet into jsonl.gz": async () =>
    (await writeDataFile(at("back.jsonl.gz"), entriesOf(at("rows.parquet")), { format: "messages" })).rows,
  split: async () => {
    const [train, test] = [at("train.jsonl.gz"), at("test.jsonl.gz")];
    const larger = await writeDataFile(train, part(false), { format: "messages" });
    return larger.rows + (await writeDataFile(test, part(true), { format: "messages" })).rows;
  },
  dedupe: async () => {
    const { prompts } = await dedupePrompts(promptsOf(file), { threshold: 0.8, words: 3, seed: 0 });
    return prompts;
  },
};

const startedMs = performance.now();
const done = await OPERATIONS[operation]!();
const seconds = (performance.now() - startedMs) / 1000;
if (done !== rows) throw new Error(`${operation}: dealt with ${done} rows, expected ${rows}`);
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify({ seconds, peakRssBytes })}\n`);
