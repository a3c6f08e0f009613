/** Comma-separated values (RFC 4180): quotes around fields, doubled quotes inside, line ends inside quotes. */
import { readBytes } from "../../lines.ts";
import { placeError, type RecordPlace } from "../../place.ts";
import { asDataRecord, type DataRecord } from "../data-record.ts";
import type { ImportLimits } from "../limits.ts";

const MOST_COLUMNS = 4096;
const HINT = "quote fields that hold commas, quotes or line ends, and double the quotes inside";

interface Row {
  readonly fields: readonly string[];
  readonly line: number;
}

/** Takes pieces of text one after another and gives the rows that end in each. */
class CsvCutter {
  line = 1;
  private readonly file: string;
  private readonly rowCharacters: number;
  private fields: string[] = [];
  private field = "";
  private characters = 0;
  private rowLine = 1;
  private state: "start" | "plain" | "quoted" | "quote in quoted" = "start";

  constructor(file: string, rowCharacters: number) {
    this.file = file;
    this.rowCharacters = rowCharacters;
  }

  *cut(text: string): Generator<Row> {
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x0a) this.line++;
      if (this.state === "quoted") {
        if (code !== 0x22) continue;
        this.take(text.slice(start, at));
        this.state = "quote in quoted";
      } else if (code === 0x22) {
        if (this.state === "plain") this.refuse("a quote within a field that does not start with one");
        if (this.state === "quote in quoted") this.take('"');
        this.state = "quoted";
        start = at + 1;
      } else if (code === 0x2c || code === 0x0a) {
        if (this.state === "plain") this.take(text.slice(start, at));
        this.endField(code === 0x0a);
        if (code === 0x0a) {
          const row = this.endRow();
          if (row !== undefined) yield row;
        }
      } else if (this.state === "quote in quoted") {
        if (code !== 0x0d) this.refuse("text after a closing quote");
      } else if (this.state === "start") {
        this.state = "plain";
        start = at;
      }
    }
    if (this.state === "plain" || this.state === "quoted") this.take(text.slice(start));
  }

  *end(): Generator<Row> {
    if (this.state === "quoted") this.refuse("a quoted field without its closing quote", this.rowLine);
    this.endField(true);
    const row = this.endRow();
    if (row !== undefined) yield row;
  }

  private take(part: string): void {
    this.field += part;
    this.characters += part.length;
    if (this.characters > this.rowCharacters) {
      this.refuse(`a row of more than ${this.rowCharacters} characters`, this.rowLine);
    }
  }

  private endField(isLast: boolean): void {
    const isPlain = this.state === "plain";
    this.fields.push(isLast && isPlain && this.field.endsWith("\r") ? this.field.slice(0, -1) : this.field);
    if (this.fields.length > MOST_COLUMNS) this.refuse(`more than ${MOST_COLUMNS} columns`, this.rowLine);
    this.field = "";
    this.state = "start";
  }

  private endRow(): Row | undefined {
    const row = { fields: this.fields, line: this.rowLine };
    this.fields = [];
    this.characters = 0;
    this.rowLine = this.line;
    return row.fields.length === 1 && row.fields[0]!.trim() === "" ? undefined : row;
  }

  private refuse(received: string, line = this.line): never {
    throw placeError("RECORD_INVALID", { file: this.file, line }, `received ${received}, expected CSV`, {
      hint: HINT,
    });
  }
}

function checkHeader({ fields }: Row, place: RecordPlace): readonly string[] {
  const repeated = fields.find((name, index) => fields.indexOf(name) !== index);
  if (repeated === undefined) return fields;
  throw placeError(
    "RECORD_INVALID",
    place,
    `received the column ${JSON.stringify(repeated)} twice, expected every name once`,
    {
      hint: "the first line has to name the columns",
    },
  );
}

/** Columns without a name, as pandas writes its row numbers, are left out. */
function asObject(names: readonly string[], fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name, index) => [name, fields[index]!] as const).filter(([name]) => name !== ""),
  );
}

/**
 * The rows of a CSV file with a header; every value is text.
 *
 * @throws {TuttiError} FILE_CORRUPT (damaged gzip, not UTF-8), RECORD_INVALID (quotes, another number of fields than the header)
 */
export async function* readCsv(
  file: string,
  isGzip: boolean,
  limits: ImportLimits,
): AsyncGenerator<DataRecord> {
  const cutter = new CsvCutter(file, limits.lineBytes);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk?: Buffer): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw placeError(
        "FILE_CORRUPT",
        { file, line: cutter.line },
        "received bytes that are not UTF-8 at or after this line, expected UTF-8 text",
        { cause, hint: "save the file as UTF-8, for instance with iconv -t utf-8" },
      );
    }
  };
  let names: readonly string[] | undefined;
  const record = (row: Row): DataRecord | undefined => {
    const place = { file, line: row.line };
    if (names === undefined) {
      names = checkHeader(row, place);
      return undefined;
    }
    if (row.fields.length !== names.length) {
      throw placeError(
        "RECORD_INVALID",
        place,
        `received ${row.fields.length} fields, expected the ${names.length} of the header`,
        { hint: HINT },
      );
    }
    return asDataRecord(asObject(names, row.fields), place, limits);
  };
  for await (const chunk of readBytes(file, isGzip, limits, () => cutter.line)) {
    for (const row of cutter.cut(decode(chunk))) {
      const found = record(row);
      if (found !== undefined) yield found;
    }
  }
  for (const row of [...cutter.cut(decode()), ...cutter.end()]) {
    const found = record(row);
    if (found !== undefined) yield found;
  }
}

const SPECIAL = /[",\n\r]/;

/** A row as text, line end included. */
export function csvLine(values: readonly string[]): string {
  return `${values.map((value) => (SPECIAL.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join(",")}\n`;
}
