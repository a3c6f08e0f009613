/** Streams the lines of a UTF-8 text file, plain or gzip'd, without ever holding more than one line and a chunk. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { messageOf, TuttiError } from "../support/errors.ts";
import { placeError } from "./place.ts";

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = "\uFEFF";
const CHUNK_BYTES = 1 << 18;
const LINE_LIMIT_BYTES = 64 * 1024 * 1024;

export interface TextLine {
  readonly text: string;
  /** Counts from 1. */
  readonly line: number;
}

async function checkIsFile(path: string): Promise<void> {
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
}

function openBytes(path: string): Readable {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  if (!path.endsWith(".gz")) return file;
  const unzipped = createGunzip({ chunkSize: CHUNK_BYTES });
  // Errors of either end arrive in `unzipped`, where the consumer meets them.
  pipeline(file, unzipped, () => {});
  return unzipped;
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

function decodeLine(bytes: Buffer, path: string, line: number): string {
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

/** Cuts a byte stream at newlines; the last piece needs none. */
async function* byteLines(bytes: Readable, path: string, onLine: () => number): AsyncGenerator<Buffer[]> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      lines.push(pending.length === 0 ? piece : Buffer.concat([...pending, piece]));
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    if (lines.length > 0) yield lines;
    if (start < chunk.length) pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > LINE_LIMIT_BYTES) {
      throw placeError(
        "FILE_CORRUPT",
        { file: path, line: onLine() },
        `received a line of more than ${LINE_LIMIT_BYTES} bytes, expected one row per line`,
        { hint: "write one JSON object per line" },
      );
    }
  }
  if (pending.length > 0) yield [Buffer.concat(pending)];
}

/**
 * The lines of a file, in order, without their line ends (LF or CRLF). A byte-order mark at the start is dropped.
 * Files whose name ends in `.gz` are decompressed on the way.
 *
 * @throws {TuttiError} FILE_NOT_FOUND; FILE_CORRUPT (damaged or truncated gzip, not UTF-8, a line above 64 MiB)
 */
export async function* readLines(path: string): AsyncGenerator<TextLine> {
  await checkIsFile(path);
  const bytes = openBytes(path);
  let line = 0;
  try {
    for await (const lines of byteLines(bytes, path, () => line + 1)) {
      for (const content of lines) {
        line++;
        const text = decodeLine(content, path, line);
        yield { text: line === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, line };
      }
    }
  } catch (cause) {
    throw readFailure(cause, path, line + 1);
  } finally {
    bytes.destroy();
  }
}
