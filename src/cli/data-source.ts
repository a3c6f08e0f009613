/** Data that commands work on: files, or a store. */
import {
  groupEntries,
  openDataFiles,
  openStore,
  type PromptEntry,
  type PromptRow,
  type RowGroup,
  readDataFiles,
  storeEntries,
} from "../judged/index.ts";
import { TuttiError } from "../support/errors.ts";

export interface DataSourceFlags {
  readonly data?: string[];
  readonly store?: string;
  readonly format?: string;
}

function checkSource({ data, store }: DataSourceFlags): void {
  if ((data === undefined) === (store === undefined)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      "received both or neither of --data and --store, expected one of them",
      {
        hint: "name files with --data, or a store with --store",
      },
    );
  }
}

/** Prompts with their answers, from the files or the store that the flags name. */
export async function* dataEntries(flags: DataSourceFlags): AsyncGenerator<PromptEntry> {
  checkSource(flags);
  const { data, store, format } = flags;
  if (store !== undefined) {
    const opened = await openStore(store);
    try {
      yield* storeEntries(opened);
    } finally {
      await opened.close();
    }
    return;
  }
  const options = format === undefined ? {} : { format };
  for await (const group of readDataFiles(await openDataFiles(data!, options), options))
    yield* groupEntries(group);
}

/** The prompts alone, which a store gives without their answers. */
export async function* dataPrompts(flags: DataSourceFlags): AsyncGenerator<PromptRow> {
  checkSource(flags);
  if (flags.store === undefined) {
    for await (const { prompt } of dataEntries(flags)) yield prompt;
    return;
  }
  const opened = await openStore(flags.store);
  try {
    yield* opened.prompts();
  } finally {
    await opened.close();
  }
}

const DATA_FILE = /\.(jsonl|json|csv|parquet)(\.gz)?$/;

/** The rows of a data file, or of a store, which is everything else. */
export async function* dataGroups(source: string): AsyncGenerator<RowGroup> {
  if (DATA_FILE.test(source)) {
    yield* readDataFiles(await openDataFiles([source]));
    return;
  }
  for await (const { prompt, responses, judgements } of dataEntries({ store: source })) {
    yield { place: { file: source, line: 1 }, prompts: [prompt], responses, judgements };
  }
}
