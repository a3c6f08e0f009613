/**
 * One column of one row group of a Parquet file, a page at a time. hyparquet decodes the pages; how much of the file is in memory
 * is decided here: a row group may hold a million rows, a page holds about a megabyte.
 */
import type { FileHandle } from "node:fs/promises";
import type { ColumnMetaData, SchemaTree } from "hyparquet";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { convert } from "hyparquet/src/convert.js";
import { isFlatColumn } from "hyparquet/src/schema.js";
import { withTimeLimit } from "../../../support/time-limit.ts";
import type { ImportLimits } from "../limits.ts";
import { COMPRESSORS, PARSERS } from "./parquet-values.ts";

/** Headers hold the least and greatest value of the page, which may be long. */
const HEADER_BYTES = [1 << 12, 1 << 20] as const;

type Values = ArrayLike<unknown> & { slice(start: number, end?: number): Values };

/** Counts what a file unpacks to; throws where it is too much. */
export type CountUnpacked = (bytes: number) => void;

/** Run lengths in damaged pages can be billions, which the decoder would carry out. */
const PAGE_MS = 4_000;

const timed = <T>(decode: () => T): T =>
  withTimeLimit(PAGE_MS, decode, () => new Error(`a page took longer than ${PAGE_MS} ms to decode`));

export class ParquetColumn {
  readonly path: readonly string[];
  private readonly file: FileHandle;
  private readonly metadata: ColumnMetaData;
  private readonly schemaPath: SchemaTree[];
  private readonly limits: ImportLimits;
  private readonly count: CountUnpacked;
  private readonly end: number;
  private offset: number;
  private valuesLeft: number;
  private dictionary: Values | undefined;
  private rows: Values = [];
  private taken = 0;

  constructor(
    file: FileHandle,
    metadata: ColumnMetaData,
    schemaPath: SchemaTree[],
    limits: ImportLimits,
    count: CountUnpacked,
  ) {
    this.file = file;
    this.metadata = metadata;
    this.schemaPath = schemaPath;
    this.limits = limits;
    this.count = count;
    this.path = metadata.path_in_schema;
    const dictionary = Number(metadata.dictionary_page_offset ?? 0);
    const data = Number(metadata.data_page_offset);
    this.offset = dictionary > 0 && dictionary < data ? dictionary : data;
    this.end = this.offset + Number(metadata.total_compressed_size);
    this.valuesLeft = Number(metadata.num_values);
  }

  /** Rows that can be taken without reading on. The last row of a page may go on in the next one. */
  get available(): number {
    const isOpen = !isFlatColumn(this.schemaPath) && this.valuesLeft > 0;
    return Math.max(0, this.rows.length - this.taken - (isOpen ? 1 : 0));
  }

  get isAtEnd(): boolean {
    return this.valuesLeft <= 0;
  }

  take(count: number): unknown[] {
    const taken = Array.from(this.rows.slice(this.taken, this.taken + count));
    this.taken += count;
    return taken;
  }

  /** Reads one page. Throws plain errors for what is wrong with it. */
  async advance(): Promise<void> {
    const { header, start } = await this.header();
    const packedBytes = header.compressed_page_size;
    const unpackedBytes = header.uncompressed_page_size;
    if (!(packedBytes >= 0 && start + packedBytes <= this.end))
      throw new Error(`a page of ${packedBytes} bytes lies beyond its column`);
    if (!(unpackedBytes >= 0 && unpackedBytes <= this.limits.pageBytes)) {
      throw new Error(`a page of ${unpackedBytes} bytes is more than the ${this.limits.pageBytes} allowed`);
    }
    const { data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: dictionary } = header;
    const values = v1?.num_values ?? v2?.num_values ?? dictionary?.num_values ?? 0;
    if (!(values >= 0 && values <= this.limits.pageValues)) {
      throw new Error(`a page of ${values} values is more than the ${this.limits.pageValues} allowed`);
    }
    this.count(unpackedBytes + values);
    const bytes = await this.read(start, packedBytes);
    this.offset = start + packedBytes;
    if (header.type === "INDEX_PAGE") return;
    const isDictionary = header.type === "DICTIONARY_PAGE";
    if (!isDictionary && values > this.valuesLeft)
      throw new Error(`received ${values} values, expected ${this.valuesLeft} more`);
    this.decode(bytes, header, isDictionary);
    if (isDictionary) return;
    if (values === 0) throw new Error("received a page without values");
    this.valuesLeft -= values;
  }

  private decode(bytes: Buffer, header: ReturnType<typeof parquetHeader>, isDictionary: boolean): void {
    const element = this.schemaPath.at(-1)!.element;
    const decoder = {
      pathInSchema: [...this.path],
      type: this.metadata.type,
      element,
      schemaPath: this.schemaPath,
      codec: this.metadata.codec,
      parsers: PARSERS,
      compressors: COMPRESSORS,
      utf8: false,
    };
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
    if (isDictionary) {
      const { data } = timed(() => readPage(reader, header, decoder, undefined, undefined, 0));
      this.dictionary = convert(data as never, decoder) as Values;
      return;
    }
    const rest = this.rows.slice(this.taken);
    const isFlat = isFlatColumn(this.schemaPath);
    const previous = isFlat ? undefined : Array.from(rest);
    const { data } = timed(() =>
      readPage(reader, header, decoder, this.dictionary as never, previous as never, 0),
    );
    const found = data as Values;
    this.rows = isFlat && rest.length > 0 ? [...Array.from(rest), ...Array.from(found)] : found;
    this.taken = 0;
  }

  private async header(): Promise<{ header: ReturnType<typeof parquetHeader>; start: number }> {
    const left = this.end - this.offset;
    if (left <= 0) throw new Error(`the column ends early, expected ${this.valuesLeft} more values`);
    for (const size of HEADER_BYTES) {
      const bytes = await this.read(this.offset, Math.min(size, left));
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
      try {
        return { header: parquetHeader(reader), start: this.offset + reader.offset };
      } catch (error) {
        if (bytes.length >= left || size === HEADER_BYTES.at(-1)) throw error;
      }
    }
    throw new Error("a page header is too long");
  }

  private async read(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.file.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) throw new Error(`the file ends at byte ${position + done}`);
      done += bytesRead;
    }
    return bytes;
  }
}
