/** Parquet files through hyparquet-writer, a row group at a time. */

import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { AtomicFile } from "../../../support/atomic-file.ts";
import { version } from "../../../support/version.ts";
import type { Json, JsonObject } from "../../store/rows.ts";
import type { Column, ColumnType } from "../format.ts";
import { charactersOf } from "./parquet-values.ts";

/** A row group ends at the first of these. */
const GROUP_ROWS = 10_000;
const GROUP_CHARACTERS = 1 << 24;
/** Larger pages are never cut: a page holds at least one value. */
const PAGE_BYTES = 1 << 20;

const text = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  repetition_type: "OPTIONAL",
});

const list = (name: string, item: readonly SchemaElement[]): SchemaElement[] => [
  {
    name,
    repetition_type: "OPTIONAL",
    converted_type: "LIST",
    logical_type: { type: "LIST" },
    num_children: 1,
  },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  ...item,
];

function elementsOf({ name, type }: Column): SchemaElement[] {
  const plain: Readonly<Record<Exclude<ColumnType, "messages" | "texts">, SchemaElement>> = {
    text: text(name),
    json: { ...text(name), converted_type: "JSON" },
    number: { name, type: "DOUBLE", repetition_type: "OPTIONAL" },
    count: { name, type: "INT64", repetition_type: "OPTIONAL" },
    flag: { name, type: "BOOLEAN", repetition_type: "OPTIONAL" },
  };
  if (type === "texts") return list(name, [text("element")]);
  if (type !== "messages") return [plain[type]];
  const message = { name: "element", repetition_type: "OPTIONAL", num_children: 2 } as const;
  return list(name, [message, text("role"), text("content")]);
}

function cellOf(value: Json | undefined, type: ColumnType): unknown {
  if (value === undefined || value === null) return null;
  return type === "count" ? BigInt(value as number) : value;
}

/** A buffer that is emptied into a file. */
class FileBytes extends ByteWriter {
  private readonly file: AtomicFile;

  constructor(file: AtomicFile) {
    super();
    this.file = file;
  }

  flush(): void {
    this.file.write(new Uint8Array(this.buffer, 0, this.index));
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }
}

export class ParquetFile {
  private readonly file: AtomicFile;
  private readonly columns: readonly Column[];
  private readonly writer: ParquetWriter;
  private rows: JsonObject[] = [];
  private characters = 0;

  constructor(path: string, columns: readonly Column[]) {
    this.file = new AtomicFile(path);
    this.columns = columns;
    const root: SchemaElement = { name: "schema", num_children: columns.length };
    this.writer = new ParquetWriter({
      writer: new FileBytes(this.file) as never,
      schema: [root, ...columns.flatMap(elementsOf)],
      createdBy: `tutti ${version}`,
      statistics: false,
    });
  }

  write(row: JsonObject): void {
    this.rows.push(row);
    this.characters += charactersOf(row);
    if (this.rows.length >= GROUP_ROWS || this.characters >= GROUP_CHARACTERS) this.flush();
  }

  finish(): void {
    if (this.rows.length > 0) this.flush();
    void this.writer.finish();
    this.file.commit();
  }

  discard(): void {
    this.file.discard();
  }

  private flush(): void {
    const { rows } = this;
    this.rows = [];
    this.characters = 0;
    const columnData = this.columns.map(
      ({ name, type }): ColumnSource => ({ name, data: rows.map((row) => cellOf(row[name], type)) }),
    );
    // The file is written synchronously, and so is what this returns then.
    void this.writer.write({ columnData, rowGroupSize: rows.length, pageSize: PAGE_BYTES });
  }
}
