import { join } from "node:path";
import { expect, test } from "vitest";
import { IMPORT_LIMITS } from "../limits.ts";
import { readJsonLines } from "./json-lines.ts";
import { readParquet } from "./parquet-read.ts";

const FOLDER = join(import.meta.dirname, "../../../../fixtures/parquet");

async function valuesOf(records: AsyncIterable<{ readonly value: unknown }>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const { value } of records) values.push(value);
  return values;
}

/** Nested columns, nulls, dictionaries, several pages and row groups, both page versions. */
test.each(["snappy-v1", "gzip-v2", "brotli-plain", "none-groups"])("rows of pyarrow's %s", async (name) => {
  const expected = await valuesOf(readJsonLines(join(FOLDER, "rows.jsonl.gz"), true, IMPORT_LIMITS));
  expect(expected).toHaveLength(600);
  expect(await valuesOf(readParquet(join(FOLDER, `${name}.parquet`), IMPORT_LIMITS))).toEqual(expected);
});
