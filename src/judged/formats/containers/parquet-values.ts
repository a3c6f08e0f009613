/** Values of Parquet files as JSON values: text must be UTF-8, numbers whole or finite, bytes are refused. */
import zlib from "node:zlib";
import type { Compressors } from "hyparquet";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function text(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Error("received text that is not UTF-8", { cause });
  }
}

export const PARSERS = {
  ...DEFAULT_PARSERS,
  stringFromBytes: text,
  jsonFromBytes: (bytes: Uint8Array | undefined): unknown =>
    bytes === undefined ? undefined : JSON.parse(text(bytes) as string),
};

type Decompress = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

const bounded =
  (decompress: Decompress) =>
  (input: Uint8Array, outputLength: number): Uint8Array =>
    // Of nothing, zlib would refuse to make a buffer.
    decompress(input, { maxOutputLength: Math.max(1, outputLength) });

/** Of Node 22.15 and later. */
const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: Decompress };

/** What decompresses a page, never to more than its header said. Snappy is hyparquet's own. */
export const COMPRESSORS: Compressors = {
  GZIP: bounded(zlib.gunzipSync as Decompress),
  BROTLI: bounded(zlib.brotliDecompressSync as Decompress),
  ...(zstdDecompressSync && { ZSTD: bounded(zstdDecompressSync) }),
};

/** @throws a plain error for what JSON has no value for */
export function plainValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") {
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
      throw new Error(`received the whole number ${value}, expected one that a double can hold`);
    }
    return Number(value);
  }
  if (typeof value !== "object") return value;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new Error("received a time beyond the calendar");
    return value.toISOString();
  }
  if (value instanceof Uint8Array) throw new Error("received bytes, expected text");
  if (Array.isArray(value)) return value.map(plainValue);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainValue(member)]));
}

/** Characters of all texts in a value. */
export function charactersOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 1;
  let sum = 0;
  for (const member of Array.isArray(value) ? value : Object.values(value)) sum += charactersOf(member);
  return sum;
}
