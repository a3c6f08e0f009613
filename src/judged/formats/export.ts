/** A store into files. */
import { TuttiError } from "../../support/errors.ts";
import { KeyTable } from "../key-table.ts";
import type { JsonObject, JudgementRow, PromptRow, ResponseRow } from "../store/rows.ts";
import type { JudgedStore, PromptFilter } from "../store/store.ts";
import { openRowWriter } from "./containers/row-writer.ts";
import type { PromptEntry, RowGroup, WriteOptions } from "./format.ts";
import { formatNamed } from "./registry.ts";
import { storeRows } from "./store-rows.ts";

const PROMPTS_AT_ONCE = 128;

export interface ExportOptions extends WriteOptions {
  readonly format: string;
  /** Told of prompts as they are written. */
  readonly onProgress?: (prompts: number) => void;
}

export interface ExportReport {
  readonly prompts: number;
  readonly rows: number;
}

function byPrompt<Row>(rows: readonly Row[], promptOf: (row: Row) => string | undefined): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = promptOf(row) ?? "";
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

async function entriesOf(store: JudgedStore, prompts: readonly PromptRow[]): Promise<PromptEntry[]> {
  const filter = { promptKeys: prompts.map(({ key }) => key) };
  const responses = await all<ResponseRow>(store.responses(filter));
  const judgements = await all<JudgementRow>(store.judgements(filter));
  const promptOfResponse = new Map(responses.map(({ key, promptKey }) => [key, promptKey]));
  const answers = byPrompt(responses, ({ promptKey }) => promptKey);
  const verdicts = byPrompt(judgements, ({ responseKey }) => promptOfResponse.get(responseKey));
  return prompts.map((prompt) => ({
    prompt,
    responses: answers.get(prompt.key) ?? [],
    judgements: verdicts.get(prompt.key) ?? [],
  }));
}

/** Every prompt of a store with its answers and judgements, in the order of keys, without those in `dropped`. */
export async function* storeEntries(
  store: JudgedStore,
  filter: PromptFilter = {},
  dropped?: KeyTable,
): AsyncGenerator<PromptEntry> {
  let batch: PromptRow[] = [];
  for await (const prompt of store.prompts(filter)) {
    if (dropped?.has(prompt.key)) continue;
    batch.push(prompt);
    if (batch.length < PROMPTS_AT_ONCE) continue;
    yield* await entriesOf(store, batch);
    batch = [];
  }
  if (batch.length > 0) yield* await entriesOf(store, batch);
}

/** The prompts that a selector dropped. @throws {TuttiError} INVALID_ARGUMENT where it selected nothing */
export async function droppedPrompts(store: JudgedStore, selector: string): Promise<KeyTable> {
  const dropped = new KeyTable();
  let decisions = 0;
  for await (const { promptKey, responseKey, isKept } of store.selections(selector)) {
    decisions++;
    if (!isKept && responseKey === undefined) dropped.add(promptKey, 0);
  }
  if (decisions > 0) return dropped;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `kept-by: received "${selector}", which selected nothing in this store`,
    {
      hint: "run `tutti data dedupe --record` first, or check the selector's name",
    },
  );
}

/** The prompts of one row of a file, with their answers. */
export function groupEntries({ prompts, responses, judgements }: RowGroup): PromptEntry[] {
  return prompts.map((prompt) => {
    const own = responses.filter(({ promptKey }) => promptKey === prompt.key);
    const keys = new Set(own.map(({ key }) => key));
    return {
      prompt,
      responses: own,
      judgements: judgements.filter(({ responseKey }) => keys.has(responseKey)),
    };
  });
}

/**
 * Writes prompts in a format. The file appears whole or not at all.
 *
 * @param selections further rows for the format "rows"
 * @throws {TuttiError} INVALID_ARGUMENT (a format that is only read, an unknown container), FILE_WRITE_FAILED
 */
export async function writeDataFile(
  path: string,
  entries: AsyncIterable<PromptEntry> | Iterable<PromptEntry>,
  options: ExportOptions,
): Promise<ExportReport> {
  const format = formatNamed(options.format);
  if (format.writer === undefined) {
    throw new TuttiError("INVALID_ARGUMENT", `format: ${format.name} is only read, not written`, {
      hint: "docs/data.md says which formats are written",
    });
  }
  const file = openRowWriter(path, format.writer.columns(options));
  const report = { prompts: 0, rows: 0 };
  try {
    for await (const entry of entries) {
      let rows = 0;
      for (const row of format.writer.rows(entry, options)) {
        file.write(row);
        rows++;
      }
      report.rows += rows;
      if (rows > 0) report.prompts++;
      options.onProgress?.(report.prompts);
    }
    file.finish();
  } finally {
    file.discard();
  }
  return report;
}

/** Every row of a store, selections too, for the format "rows". */
export async function writeStoreRows(
  path: string,
  store: JudgedStore,
  filter: PromptFilter,
): Promise<ExportReport> {
  const writer = storeRows.writer!;
  const file = openRowWriter(path, writer.columns({}));
  const report = { prompts: 0, rows: 0 };
  const put = (row: JsonObject): void => {
    file.write(row);
    report.rows++;
  };
  try {
    for await (const entry of storeEntries(store, filter)) {
      for (const row of writer.rows(entry, {})) put(row);
      report.prompts++;
    }
    for await (const row of store.selections()) put({ kind: "selection", ...row } as unknown as JsonObject);
    file.finish();
  } finally {
    file.discard();
  }
  return report;
}
