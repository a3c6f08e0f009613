/** Judged responses from files or from a store, as the commands that read either ask for them. */
import { type Command, InvalidArgumentError } from "commander";
import {
  type JudgedDataset,
  type JudgedStore,
  openStore,
  readJudgedRecords,
  readStoreDataset,
} from "../judged/index.ts";
import { TuttiError } from "../support/errors.ts";

export interface SourceFlags {
  readonly data?: string[];
  readonly store?: string;
  readonly domains?: string[];
  readonly splits?: string[];
  readonly models?: string[];
}

export const STORE_OPTION = [
  "--store <address>",
  "a store in place of files: a path, or postgres://...",
] as const;
export const JUDGE_OPTION = [
  "--judge <name>",
  "of a store: whose scores count, NAME or NAME@VERSION; may be left out where there is one only",
] as const;

/** Adds `--data`, `--store` and the filters. */
export function addSourceOptions(command: Command): Command {
  return command
    .option("--data <file...>", "judged records (.jsonl or .jsonl.gz)")
    .option(...STORE_OPTION)
    .option("--domains <name...>", "only prompts of these domains")
    .option("--splits <name...>", "only prompts of these splits")
    .option("--models <name...>", "only answers of these models");
}

/** @throws {TuttiError} INVALID_ARGUMENT unless exactly one of `--data` and `--store` is given */
export function checkSource({ data, store }: SourceFlags): void {
  if ((data === undefined) !== (store === undefined)) return;
  const received = data === undefined ? "neither" : "both";
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `received ${received} of --data and --store, expected one of them`,
    {
      hint: "--data reads files of judged records, --store a store that tutti sample and tutti judge fill",
    },
  );
}

export interface DatasetFlags extends SourceFlags {
  readonly judge?: string;
}

/** Adds `--data`, or `--store` with a judge, and the filters. */
export function addDatasetOptions(command: Command): Command {
  return addSourceOptions(command).option(...JUDGE_OPTION);
}

/** Judged records of files or of a store. @throws {TuttiError} as readJudgedRecords and readStoreDataset; DATASET_INVALID */
export async function readDataset(flags: DatasetFlags): Promise<JudgedDataset> {
  checkSource(flags);
  const { data, store, judge, models } = flags;
  if (store !== undefined) {
    const { models: _, ...filter } = storeFilter(flags);
    const options = { filter, ...(judge !== undefined && { judge }), ...(models && { models }) };
    return await withStore(store, (opened) => readStoreDataset(opened, options));
  }
  const { records, candidates } = await readJudgedRecords(data!);
  const kept = filteredRecords(records, flags);
  if (kept.length > 0) return { records: kept, candidates: models ?? candidates };
  throw new TuttiError("DATASET_INVALID", "no judged record is of the domains and splits asked for", {
    hint: "widen --domains and --splits",
  });
}

export const storeFilter = ({ domains, splits, models }: SourceFlags) => ({
  ...(domains && { domains }),
  ...(splits && { splits }),
  ...(models && { models }),
});

const isIn = (names: readonly string[] | undefined, name: string | undefined): boolean =>
  names === undefined || (name !== undefined && names.includes(name));

/** The records that the filters leave; candidates outside of `--models` are taken out. */
export function filteredRecords<
  Row extends { readonly benchmark: string; readonly split?: string; readonly candidates: object },
>(records: readonly Row[], { domains, splits, models }: SourceFlags): Row[] {
  const kept = records.filter(({ benchmark, split }) => isIn(domains, benchmark) && isIn(splits, split));
  if (models === undefined) return kept;
  const missing = models.find((name) => !kept.some(({ candidates }) => Object.hasOwn(candidates, name)));
  if (missing !== undefined && kept.length > 0) {
    throw new TuttiError(
      "UNKNOWN_CANDIDATE",
      `--models names ${JSON.stringify(missing)}, expected some of ${Object.keys(kept[0]!.candidates).join(", ")}`,
    );
  }
  return kept.map((record) => ({
    ...record,
    candidates: Object.fromEntries(
      Object.entries(record.candidates).filter(([name]) => models.includes(name)),
    ),
  }));
}

/** Opens the store for the time of the call. */
export async function withStore<Result>(
  address: string,
  use: (store: JudgedStore) => Promise<Result>,
): Promise<Result> {
  const store = await openStore(address);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** One of several words, for options whose choices are a constant. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`Allowed choices are ${words.join(", ")}.`);
  };
}
