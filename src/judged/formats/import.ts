/** Files into a store: every row of every file is checked before the first is written. */
import { TuttiError } from "../../support/errors.ts";
import type { JudgementRow, PromptRow, ResponseRow, SelectionRow } from "../store/rows.ts";
import type { JudgedStore, PutResult } from "../store/store.ts";
import { DatasetCheck } from "./check.ts";
import type { RowGroup } from "./format.ts";
import { openDataFiles, type ReadOptions, readDataFiles } from "./read.ts";

const ROWS_AT_ONCE = 1000;

export interface ImportOptions extends ReadOptions {
  /** Told of rows of files: first as they are checked, then as they are written. */
  readonly onProgress?: (phase: "checking" | "writing", rows: number) => void;
  /** Ends the import between two rows. What was written stays; the same import goes on from there. */
  readonly signal?: AbortSignal;
}

export interface ImportReport {
  readonly files: readonly { readonly path: string; readonly format: string }[];
  /** Rows of the files. */
  readonly rows: number;
  readonly prompts: PutResult;
  readonly responses: PutResult;
  readonly judgements: PutResult;
  readonly selections: PutResult;
}

interface Batch {
  readonly prompts: PromptRow[];
  readonly responses: ResponseRow[];
  readonly judgements: JudgementRow[];
  readonly selections: SelectionRow[];
}

const emptyBatch = (): Batch => ({ prompts: [], responses: [], judgements: [], selections: [] });
const TABLES = ["prompts", "responses", "judgements", "selections"] as const;

function addGroup(batch: Batch, group: RowGroup): number {
  batch.prompts.push(...group.prompts);
  batch.responses.push(...group.responses);
  batch.judgements.push(...group.judgements);
  batch.selections.push(...(group.selections ?? []));
  return TABLES.reduce((sum, table) => sum + batch[table].length, 0);
}

async function put(
  store: JudgedStore,
  batch: Batch,
  totals: Record<(typeof TABLES)[number], PutResult>,
): Promise<void> {
  // In the order in which rows refer to each other.
  const results = {
    prompts: await store.putPrompts(batch.prompts),
    responses: await store.putResponses(batch.responses),
    judgements: await store.putJudgements(batch.judgements),
    selections: await store.putSelections(batch.selections),
  };
  for (const table of TABLES) {
    const [before, added] = [totals[table], results[table]];
    totals[table] = {
      inserted: before.inserted + added.inserted,
      existing: before.existing + added.existing,
    };
  }
}

/**
 * Reads files twice: once to check every row, once to write them. A malformed file changes nothing in the store. Rows that are there
 * already stay as they are, so the same import can be repeated, and one that was killed is finished by running it again.
 *
 * @throws {TuttiError} as `openDataFiles` and `readDataFiles`; DATASET_INVALID (rows that contradict each other, or belong to rows
 *   that are nowhere); STORE_*; INTERRUPTED
 */
export async function importFiles(
  store: JudgedStore,
  paths: readonly string[],
  options: ImportOptions = {},
): Promise<ImportReport> {
  const { onProgress, signal } = options;
  const settled = { ...options, createdAt: options.createdAt ?? new Date().toISOString() };
  const files = await openDataFiles(paths, settled);
  const check = new DatasetCheck(store);
  let rows = 0;
  for await (const group of readDataFiles(files, settled)) {
    if (signal?.aborted) throw interrupted();
    await check.add(group);
    onProgress?.("checking", ++rows);
  }
  await check.finish();
  const none = { inserted: 0, existing: 0 };
  const totals = { prompts: none, responses: none, judgements: none, selections: none };
  let [batch, written] = [emptyBatch(), 0];
  for await (const group of readDataFiles(files, settled)) {
    if (signal?.aborted) throw interrupted();
    if (addGroup(batch, group) >= ROWS_AT_ONCE) {
      await put(store, batch, totals);
      batch = emptyBatch();
    }
    onProgress?.("writing", ++written);
  }
  await put(store, batch, totals);
  return { files: files.map(({ path, format }) => ({ path, format: format.name })), rows, ...totals };
}

const interrupted = (): TuttiError =>
  new TuttiError("INTERRUPTED", "the import was interrupted", {
    hint: "run the same command again: it goes on",
  });
