/** What two data sets have in common: rows by key, and by content where the key is the same. */
import { textDigest } from "./formats/check.ts";
import type { RowGroup } from "./formats/format.ts";
import { KeyTable } from "./key-table.ts";

export interface TableDiff {
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly same: number;
  /** Same key, other content. */
  readonly changed: number;
}

export interface DatasetDiff {
  readonly prompts: TableDiff;
  readonly responses: TableDiff;
  readonly judgements: TableDiff;
}

type Keyed = Iterable<readonly [key: string, content: string]>;

const TABLES = {
  prompts: ({ prompts }: RowGroup): Keyed =>
    prompts.map(({ key, domain, split }) => [key, `${domain}\n${split}`]),
  responses: ({ responses }: RowGroup): Keyed =>
    responses.map(({ key, status, text }) => [key, `${status}\n${text}`]),
  judgements: ({ judgements }: RowGroup): Keyed =>
    judgements.map(({ key, score, verdict }) => [key, `${score}\n${verdict}`]),
};
type TableName = keyof typeof TABLES;
const NAMES = Object.keys(TABLES) as TableName[];

type Tables = Record<TableName, KeyTable>;
const emptyTables = (): Tables => ({
  prompts: new KeyTable(),
  responses: new KeyTable(),
  judgements: new KeyTable(),
});

/** Keeps 16 bytes a row of both. A key that comes several times counts once. */
export async function diffDatasets(
  first: AsyncIterable<RowGroup>,
  second: AsyncIterable<RowGroup>,
): Promise<DatasetDiff> {
  const [known, seen] = [emptyTables(), emptyTables()];
  for await (const group of first) {
    for (const name of NAMES)
      for (const [key, content] of TABLES[name](group)) known[name].add(key, textDigest(content));
  }
  const counts: Record<TableName, { same: number; changed: number }> = {
    prompts: { same: 0, changed: 0 },
    responses: { same: 0, changed: 0 },
    judgements: { same: 0, changed: 0 },
  };
  for await (const group of second) {
    for (const name of NAMES) {
      for (const [key, content] of TABLES[name](group)) {
        if (seen[name].add(key, 0) !== undefined) continue;
        const before = known[name].get(key);
        if (before !== undefined) counts[name][before[0] === textDigest(content) ? "same" : "changed"]++;
      }
    }
  }
  const table = (name: TableName): TableDiff => {
    const { same, changed } = counts[name];
    return {
      onlyFirst: known[name].size - same - changed,
      onlySecond: seen[name].size - same - changed,
      same,
      changed,
    };
  };
  return { prompts: table("prompts"), responses: table("responses"), judgements: table("judgements") };
}
