/** A dataset for routers out of a store. */
import { TuttiError } from "../support/errors.ts";
import type { JudgedDataset } from "./collect.ts";
import type { JudgedRecord } from "./record.ts";
import type { JudgedStore, RecordOptions } from "./store/store.ts";

export interface StoreDatasetOptions extends Omit<RecordOptions, "judge"> {
  /** A judge's name, with `@VERSION` where there are several. @default the only judge of the store */
  readonly judge?: string;
}

/**
 * The prompts of the store where every model has an answer that the judge scored, in the order of their keys.
 *
 * @throws {TuttiError} INVALID_ARGUMENT (no judge named and not exactly one there, one that judged nothing, or of several versions),
 *   DATASET_INVALID (no such prompt)
 */
export async function readStoreDataset(
  store: JudgedStore,
  options: StoreDatasetOptions = {},
): Promise<JudgedDataset> {
  const judge = options.judge ?? (await onlyJudge(store));
  const records: JudgedRecord[] = [];
  for await (const record of store.records({ ...options, judge })) records.push(record);
  const [first] = records;
  if (first !== undefined) return { records, candidates: Object.keys(first.candidates) };
  const models = options.models?.join(", ") ?? "every model that it scored";
  throw new TuttiError(
    "DATASET_INVALID",
    `${store.url}: received no prompt where ${judge} scored answers of ${models}, expected at least one`,
    {
      details: { store: store.url, judge },
      hint: "sample and judge what is missing, name fewer models, or widen the domains and splits",
    },
  );
}

async function onlyJudge(store: JudgedStore): Promise<string> {
  const judges = Object.keys((await store.stats()).judgementsByJudge);
  if (judges.length === 1) return judges[0]!;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    judges.length === 0
      ? `${store.url}: the store has no verdicts`
      : `${store.url}: the store has verdicts of ${judges.length} judges, expected the name of one`,
    {
      details: { store: store.url, judges },
      hint: judges.length === 0 ? "make some with `tutti judge`" : `name one of ${judges.join(", ")}`,
    },
  );
}
