/** Files of rows, written a piece at a time; the name's ending says how. */
import { gzipSync } from "node:zlib";
import { AtomicFile } from "../../../support/atomic-file.ts";
import { TuttiError } from "../../../support/errors.ts";
import { shown } from "../../../support/show.ts";
import type { Json, JsonObject } from "../../store/rows.ts";
import type { Column } from "../format.ts";
import { csvLine } from "./csv.ts";
import { ParquetFile } from "./parquet-write.ts";

/** The file appears whole when it is finished, or not at all. */
export interface RowWriter {
  write(row: JsonObject): void;
  finish(): void;
  /** Removes what is not finished. */
  discard(): void;
}

const PIECE_CHARACTERS = 1 << 20;

/** Text of rows between a start, separators and an end. Gzip'd pieces are members of their own, which every reader joins. */
class TextFile implements RowWriter {
  private readonly file: AtomicFile;
  private readonly isGzip: boolean;
  private readonly textOf: (row: JsonObject, isFirst: boolean) => string;
  private readonly end: string;
  private pending: string;
  private isFirst = true;

  constructor(path: string, start: string, textOf: TextFile["textOf"], end: string) {
    this.file = new AtomicFile(path);
    this.isGzip = path.endsWith(".gz");
    this.textOf = textOf;
    this.pending = start;
    this.end = end;
  }

  write(row: JsonObject): void {
    this.pending += this.textOf(row, this.isFirst);
    this.isFirst = false;
    if (this.pending.length >= PIECE_CHARACTERS) this.flush();
  }

  finish(): void {
    this.pending += this.end;
    this.flush();
    this.file.commit();
  }

  discard(): void {
    this.file.discard();
  }

  private flush(): void {
    const bytes = Buffer.from(this.pending, "utf8");
    this.pending = "";
    this.file.write(this.isGzip ? gzipSync(bytes) : bytes);
  }
}

function cellText(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function csvFile(path: string, columns: readonly Column[]): RowWriter {
  const nested = columns.find(({ type }) => type === "messages" || type === "texts");
  if (nested !== undefined) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `${path}: the column ${nested.name} holds lists, which CSV has no form for`,
      {
        details: { path, column: nested.name },
        hint: "write .jsonl, .json or .parquet",
      },
    );
  }
  const names = columns.map(({ name }) => name);
  return new TextFile(path, csvLine(names), (row) => csvLine(names.map((name) => cellText(row[name]))), "");
}

/**
 * Opens a file for rows: `.jsonl`, `.json` (one list), `.csv`, each also with `.gz`, or `.parquet`. In CSV and Parquet, only the
 * given columns are written.
 *
 * @throws {TuttiError} INVALID_ARGUMENT, FILE_WRITE_FAILED
 */
export function openRowWriter(path: string, columns: readonly Column[]): RowWriter {
  const kind = /\.(jsonl|json|csv)(\.gz)?$|\.(parquet)$/
    .exec(path)
    ?.find((part, at) => at > 0 && part && part !== ".gz");
  switch (kind) {
    case "jsonl":
      return new TextFile(path, "", (row) => `${JSON.stringify(row)}\n`, "");
    case "json":
      return new TextFile(
        path,
        "[",
        (row, isFirst) => `${isFirst ? "" : ","}\n${JSON.stringify(row)}`,
        "\n]\n",
      );
    case "csv":
      return csvFile(path, columns);
    case "parquet":
      return new ParquetFile(path, columns);
    default:
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `file: received the name ${shown(path)}, which says no known container`,
        {
          hint: "let it end in .jsonl, .json, .csv (each also .gz) or .parquet",
        },
      );
  }
}
