/** A file that is one JSON list of objects, cut into its items without ever holding more than one of them. */
import { decodeLine, readBytes } from "../../lines.ts";
import { placeError } from "../../place.ts";
import type { DataRecord } from "../data-record.ts";
import type { ImportLimits } from "../limits.ts";
import { rowOfJson } from "./json-text.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const MARK = [0xef, 0xbb, 0xbf];

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

interface Item {
  readonly bytes: Buffer;
  readonly line: number;
}

/** What may come next between items. */
type Expected = "list" | "item or end" | "item" | "comma or end" | "nothing";

const EXPECTED: Readonly<Record<Expected, string>> = {
  list: "a list of rows: [",
  "item or end": "a row: {, or the end of the list: ]",
  item: "a row: {",
  "comma or end": "a comma or the end of the list: ]",
  nothing: "nothing after the list",
};

/** Takes chunks of the file one after another and gives the items that end in each. */
class ListCutter {
  line = 1;
  private readonly file: string;
  private readonly itemBytes: number;
  private expected: Expected = "list";
  private depth = 0;
  private isInText = false;
  private isEscaped = false;
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private itemLine = 1;
  private offset = 0;

  constructor(file: string, itemBytes: number) {
    this.file = file;
    this.itemBytes = itemBytes;
  }

  *cut(chunk: Buffer): Generator<Item> {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (byte === NEWLINE) this.line++;
      if (this.depth === 0) {
        if (this.between(byte)) start = at;
      } else if (this.endsItem(byte)) {
        yield this.item(chunk.subarray(start, at + 1));
      }
    }
    this.offset += chunk.length;
    if (this.depth > 0) this.keep(chunk.subarray(start));
  }

  /** @throws {TuttiError} RECORD_INVALID when the file ends within the list */
  end(): void {
    if (this.expected === "nothing" && this.depth === 0) return;
    throw placeError(
      "RECORD_INVALID",
      { file: this.file, line: this.depth > 0 ? this.itemLine : this.line },
      `the file ends within ${this.depth > 0 ? "the row that starts here" : "its list"}, expected ${this.depth > 0 ? "its closing brace" : EXPECTED[this.expected]}`,
      { hint: "a file cut off comes from an interrupted write or download; write or fetch it again" },
    );
  }

  /** A byte outside of items; whether an item starts with it. */
  private between(byte: number): boolean {
    if (isSpace(byte) || (this.offset === 0 && this.expected === "list" && MARK.includes(byte))) return false;
    const { expected } = this;
    if (expected === "list" && byte === OPEN_LIST) this.expected = "item or end";
    else if ((expected === "item or end" || expected === "comma or end") && byte === CLOSE_LIST)
      this.expected = "nothing";
    else if (expected === "comma or end" && byte === COMMA) this.expected = "item";
    else if ((expected === "item or end" || expected === "item") && byte === OPEN_OBJECT) {
      this.depth = 1;
      this.itemLine = this.line;
      return true;
    } else this.refuse(byte);
    return false;
  }

  /** A byte inside of an item; whether the item ends with it. */
  private endsItem(byte: number): boolean {
    if (this.isInText) {
      if (this.isEscaped) this.isEscaped = false;
      else if (byte === BACKSLASH) this.isEscaped = true;
      else if (byte === QUOTE) this.isInText = false;
      return false;
    }
    if (byte === QUOTE) this.isInText = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) this.depth--;
    return this.depth === 0;
  }

  private item(last: Buffer): Item {
    const bytes = this.pending.length === 0 ? last : Buffer.concat([...this.pending, last]);
    this.pending = [];
    this.pendingBytes = 0;
    this.expected = "comma or end";
    return { bytes, line: this.itemLine };
  }

  private keep(part: Buffer): void {
    this.pending.push(part);
    this.pendingBytes += part.length;
    if (this.pendingBytes <= this.itemBytes) return;
    throw placeError(
      "FILE_CORRUPT",
      { file: this.file, line: this.itemLine },
      `received a row of more than ${this.itemBytes} bytes, expected one prompt a row`,
      { hint: "check what wrote the file" },
    );
  }

  private refuse(byte: number): never {
    const shown = byte >= 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `the byte ${byte}`;
    throw placeError(
      "RECORD_INVALID",
      { file: this.file, line: this.line },
      `field (row): received ${shown}, expected ${EXPECTED[this.expected]}`,
      { hint: "the file has to be one list of objects, or one object a line" },
    );
  }
}

/** @throws {TuttiError} FILE_CORRUPT, RECORD_INVALID naming file and line */
export async function* readJsonList(
  file: string,
  isGzip: boolean,
  limits: ImportLimits,
): AsyncGenerator<DataRecord> {
  const cutter = new ListCutter(file, limits.lineBytes);
  for await (const chunk of readBytes(file, isGzip, limits, () => cutter.line)) {
    for (const { bytes, line } of cutter.cut(chunk)) {
      yield rowOfJson(decodeLine(bytes, file, line), { file, line }, limits);
    }
  }
  cutter.end();
}
