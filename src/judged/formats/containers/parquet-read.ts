/** Rows of a Parquet file, read through hyparquet's decoders a page at a time. */
import { type FileHandle, open } from "node:fs/promises";
import { type FileMetaData, parquetMetadata, parquetSchema, type RowGroup, type SchemaTree } from "hyparquet";
import { assembleNested } from "hyparquet/src/assemble.js";
import { getTreePath } from "hyparquet/src/schema.js";
import { messageOf, TuttiError } from "../../../support/errors.ts";
import { expansionError } from "../../lines.ts";
import { placeError } from "../../place.ts";
import { asDataRecord, type DataRecord } from "../data-record.ts";
import type { ImportLimits } from "../limits.ts";
import { type CountUnpacked, ParquetColumn } from "./parquet-pages.ts";
import { charactersOf, PARSERS, plainValue } from "./parquet-values.ts";

const MAGIC = "PAR1";
/** Footer length and magic number. */
const TAIL_BYTES = 8;
const LEAST_BYTES = 12;
const ROWS_AT_ONCE = 256;
const MOST_COLUMNS = 4096;

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead !== length) throw new Error(`the file ends at byte ${position + bytesRead}`);
  return bytes;
}

async function readFooter(file: FileHandle, sizeBytes: number, limits: ImportLimits): Promise<FileMetaData> {
  if (sizeBytes < LEAST_BYTES)
    throw new Error(`the file has ${sizeBytes} bytes, expected at least ${LEAST_BYTES}`);
  const tail = await bytesAt(file, sizeBytes - TAIL_BYTES, TAIL_BYTES);
  if (tail.toString("latin1", 4) !== MAGIC)
    throw new Error("the file does not end in PAR1: it was cut off, or is encrypted");
  const footerBytes = tail.readUInt32LE(0);
  if (footerBytes > Math.min(limits.footerBytes, sizeBytes - LEAST_BYTES)) {
    throw new Error(
      `a footer of ${footerBytes} bytes is longer than the file or than the ${limits.footerBytes} allowed`,
    );
  }
  const footer = await bytesAt(file, sizeBytes - TAIL_BYTES - footerBytes, footerBytes + TAIL_BYTES);
  const metadata = parquetMetadata(new Uint8Array(footer), { geoparquet: false });
  if (metadata.schema.length > MOST_COLUMNS)
    throw new Error(`${metadata.schema.length} columns are more than ${MOST_COLUMNS}`);
  return metadata;
}

function columnsOf(
  file: FileHandle,
  group: RowGroup,
  tree: SchemaTree,
  limits: ImportLimits,
  count: CountUnpacked,
): ParquetColumn[] {
  return group.columns.map(({ meta_data: metadata }) => {
    if (metadata === undefined) throw new Error("a column without description");
    return new ParquetColumn(file, metadata, getTreePath(tree, metadata.path_in_schema), limits, count);
  });
}

/** `count` rows as objects, out of as many values of every column. */
function assemble(
  tree: SchemaTree,
  columns: readonly ParquetColumn[],
  count: number,
): Record<string, unknown>[] {
  const rows = Array.from({ length: count }, (): [string, unknown][] => []);
  for (const child of tree.children) {
    const name = child.element.name;
    const own = columns.filter(({ path }) => path[0] === name);
    if (own.length === 0) continue;
    const values = new Map<string, unknown[]>(
      own.map((column) => [column.path.join("."), column.take(count)]),
    );
    if (child.children.length > 0) assembleNested(values as never, child, PARSERS as never);
    const assembled = values.get(name);
    if (assembled?.length !== count)
      throw new Error(`column ${name}: received ${assembled?.length ?? 0} rows, expected ${count}`);
    for (let row = 0; row < count; row++) rows[row]!.push([name, plainValue(assembled[row])]);
  }
  return rows.map((members) => Object.fromEntries(members));
}

async function* groupRows(
  tree: SchemaTree,
  columns: readonly ParquetColumn[],
  rowCount: number,
): AsyncGenerator<Record<string, unknown>[]> {
  if (columns.length === 0 && rowCount > 0) throw new Error("a row group without columns");
  for (let left = rowCount; left > 0; ) {
    for (const column of columns) {
      while (column.available === 0) {
        if (column.isAtEnd)
          throw new Error(`column ${column.path.join(".")} lacks ${left} of ${rowCount} rows`);
        await column.advance();
      }
    }
    const count = Math.min(left, ROWS_AT_ONCE, ...columns.map(({ available }) => available));
    yield assemble(tree, columns, count);
    left -= count;
  }
}

/**
 * The rows of a Parquet file; places give the number of the row, from 1. Snappy, gzip, Brotli and (from Node 22.15 on) Zstandard
 * are understood.
 *
 * @throws {TuttiError} FILE_NOT_FOUND; FILE_CORRUPT (damaged, cut off, not UTF-8, a decompression bomb); RECORD_INVALID
 */
export async function* readParquet(file: string, limits: ImportLimits): AsyncGenerator<DataRecord> {
  const handle = await open(file, "r");
  let line = 0;
  try {
    const sizeBytes = (await handle.stat()).size;
    const most = Math.max(limits.unpackedBytes, limits.expansion * sizeBytes);
    let unpacked = 0;
    const count: CountUnpacked = (bytes) => {
      unpacked += bytes;
      if (unpacked > most) throw expansionError({ file, line: line + 1 }, sizeBytes, most);
    };
    const metadata = await readFooter(handle, sizeBytes, limits);
    const tree = parquetSchema(metadata);
    for (const group of metadata.row_groups) {
      const columns = columnsOf(handle, group, tree, limits, count);
      for await (const rows of groupRows(tree, columns, Number(group.num_rows))) {
        for (const row of rows) {
          line++;
          const record = asDataRecord(row, { file, line }, limits);
          count(charactersOf(record.value));
          yield record;
        }
      }
    }
  } catch (cause) {
    if (TuttiError.is(cause)) throw cause;
    throw placeError(
      "FILE_CORRUPT",
      { file, line: line + 1 },
      `the Parquet file cannot be read: ${messageOf(cause)}`,
      {
        cause,
        hint: "lines count rows here; copy or download the file again, or write it anew with snappy compression",
      },
    );
  } finally {
    await handle.close();
  }
}
