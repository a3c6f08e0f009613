/** Streams the lines of a UTF-8 text file, plain or gzip'd, without ever holding more than one line and a chunk. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { messageOf, TuttiError } from "../support/errors.ts";
import { placeError, type RecordPlace } from "./place.ts";

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = "\uFEFF";
const CHUNK_BYTES = 1 << 18;

/** What a file may ask of the reader. */
export interface TextLimits {
  /** Longest line. */
  readonly lineBytes: number;
  /** Packed files may unpack to this many bytes, */
  readonly unpackedBytes: number;
  /** or to this many times their own size, whichever is more. Text that somebody wrote packs 3 to 30 times. */
  readonly expansion: number;
}

export const TEXT_LIMITS: TextLimits = {
  lineBytes: 64 * 1024 * 1024,
  unpackedBytes: 256 * 1024 * 1024,
  expansion: 200,
};

export interface TextLine {
  readonly text: string;
  /** Counts from 1. */
  readonly line: number;
}

/** The size in bytes. @throws {TuttiError} FILE_NOT_FOUND, also for folders */
export async function checkIsFile(path: string): Promise<number> {
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(path);
  } catch (cause) {
    throw new TuttiError("FILE_NOT_FOUND", `no file at ${path}: ${messageOf(cause)}`, {
      cause,
      details: { file: path },
      hint: "check the spelling of the path; relative paths start at the current folder",
    });
  }
  if (found.isDirectory()) {
    throw new TuttiError("FILE_NOT_FOUND", `${path} is a folder, expected a .jsonl or .jsonl.gz file`, {
      details: { file: path },
      hint: `name the files in it, for instance ${path}/*.jsonl.gz`,
    });
  }
  return found.size;
}

function openBytes(path: string, isGzip: boolean): Readable {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  if (!isGzip) return file;
  const unzipped = createGunzip({ chunkSize: CHUNK_BYTES });
  // Errors of either end arrive in `unzipped`, where the consumer meets them.
  pipeline(file, unzipped, () => {});
  return unzipped;
}

/**
 * The bytes of a file, unpacked where it is gzip'd.
 *
 * @param line what a problem is reported at
 * @throws {TuttiError} FILE_NOT_FOUND; FILE_CORRUPT (damaged or truncated gzip, or a decompression bomb)
 */
export async function* readBytes(
  path: string,
  isGzip: boolean,
  { unpackedBytes, expansion }: TextLimits,
  line: () => number,
): AsyncGenerator<Buffer> {
  const sizeBytes = await checkIsFile(path);
  const most = Math.max(unpackedBytes, expansion * sizeBytes);
  const bytes = openBytes(path, isGzip);
  let total = 0;
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (isGzip && total > most) throw expansionError({ file: path, line: line() }, sizeBytes, most);
      yield chunk;
    }
  } catch (cause) {
    throw readFailure(cause, path, line());
  } finally {
    bytes.destroy();
  }
}

/** The error of a file that unpacks to far more than it is. */
export function expansionError(place: RecordPlace, sizeBytes: number, most: number): TuttiError {
  return placeError(
    "FILE_CORRUPT",
    place,
    `${sizeBytes} bytes unpack to more than ${most}, expected a file that is no decompression bomb`,
    { hint: "if the file can be trusted, unpack it first, or allow a higher expansion" },
  );
}

function readFailure(cause: unknown, path: string, line: number): unknown {
  if (TuttiError.is(cause)) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  if (typeof code !== "string") return cause;
  if (!code.startsWith("Z_")) {
    return new TuttiError("FILE_NOT_FOUND", `could not read ${path}: ${messageOf(cause)}`, {
      cause,
      details: { file: path },
      hint: "check the permissions of the file",
    });
  }
  const message = messageOf(cause);
  if (message.includes("incorrect header check")) {
    return placeError("FILE_CORRUPT", { file: path, line }, "not gzip data although the name ends in .gz", {
      cause,
      hint: "rename it to .jsonl if it is plain text, or compress it with gzip",
    });
  }
  const text =
    code === "Z_BUF_ERROR"
      ? "the gzip data ends too early, at or after this line: received a truncated file, expected the complete one"
      : `the gzip data is damaged at or after this line (${message})`;
  return placeError("FILE_CORRUPT", { file: path, line }, text, {
    cause,
    hint: "copy or download the file again, and check it with gzip -t",
  });
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let index = 0;
  while (index < a.length && a[index] === b[index]) index++;
  return index;
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A line's text without its line end. @throws {TuttiError} FILE_CORRUPT for bytes that are not UTF-8 */
export function decodeLine(bytes: Buffer, path: string, line: number): string {
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  const content = bytes.subarray(0, end);
  try {
    return strictDecoder.decode(content);
  } catch (cause) {
    const isGzip = line === 1 && content[0] === 0x1f && content[1] === 0x8b;
    if (isGzip) {
      throw placeError("FILE_CORRUPT", { file: path, line }, "received gzip data, expected plain text", {
        hint: "let the name end in .gz",
      });
    }
    const offset = firstDifference(content, Buffer.from(content.toString("utf8"), "utf8"));
    throw placeError(
      "FILE_CORRUPT",
      { file: path, line },
      `received bytes that are not UTF-8 (near byte ${offset + 1} of the line), expected UTF-8 text`,
      { cause, hint: "save the file as UTF-8, for instance with iconv -t utf-8" },
    );
  }
}

/** Cuts a byte stream at newlines; the last piece needs none. A number stands for as many empty lines. */
async function* byteLines(
  bytes: AsyncIterable<Buffer>,
  path: string,
  lineBytes: number,
  onLine: () => number,
): AsyncGenerator<(Buffer | number)[]> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of bytes) {
    const lines: (Buffer | number)[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      lines.push(pending.length === 0 ? piece : Buffer.concat([...pending, piece]));
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      const firstEmpty = start;
      while (chunk[start] === NEWLINE) start++;
      if (start > firstEmpty) lines.push(start - firstEmpty);
    }
    if (lines.length > 0) yield lines;
    if (start < chunk.length) pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > lineBytes) {
      throw placeError(
        "FILE_CORRUPT",
        { file: path, line: onLine() },
        `received a line of more than ${lineBytes} bytes, expected one row per line`,
        { hint: "write one JSON object per line" },
      );
    }
  }
  if (pending.length > 0) yield [Buffer.concat(pending)];
}

/**
 * The lines of a file, in order, without their line ends (LF or CRLF); empty lines after another are only counted. A byte-order mark at the start is dropped.
 * Files whose name ends in `.gz` are decompressed on the way.
 *
 * @throws {TuttiError} FILE_NOT_FOUND; FILE_CORRUPT (damaged or truncated gzip, not UTF-8, a line above the limit, a
 *   decompression bomb)
 */
export async function* readLines(
  path: string,
  isGzip: boolean = path.endsWith(".gz"),
  limits: TextLimits = TEXT_LIMITS,
): AsyncGenerator<TextLine> {
  let line = 0;
  const next = (): number => line + 1;
  for await (const lines of byteLines(readBytes(path, isGzip, limits, next), path, limits.lineBytes, next)) {
    for (const content of lines) {
      if (typeof content === "number") {
        line += content;
        continue;
      }
      line++;
      const text = decodeLine(content, path, line);
      yield { text: line === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, line };
    }
  }
}
