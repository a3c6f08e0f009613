/** JSON from files of others: bounded in bytes, nesting and number of values before anything is made of it. */
import { messageOf } from "./errors.ts";
import { type Refuse, readWholeFile } from "./read-file.ts";

export interface JsonLimits {
  readonly bytes: number;
  /** Lists and objects in one another. */
  readonly depth: number;
  /** Values of any kind, each of which takes tens of bytes in memory however short it is in the file. */
  readonly values: number;
}

/** Enough for every configuration file; vocabularies have limits of their own. */
export const CONFIGURATION_LIMITS: JsonLimits = { bytes: 1 << 24, depth: 64, values: 1 << 20 };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The place of the quote that closes the string opened at `start`, or the end of the bytes. */
function closingQuote(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** What of the limits the text breaks, or undefined. Bytes that are no JSON are left for the parser to refuse. */
function excess(bytes: Uint8Array, limits: JsonLimits): string | undefined {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = closingQuote(bytes, at);
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      values++;
      if (++depth > limits.depth) return `is nested more than ${limits.depth} deep at byte ${at}`;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth--;
    } else if (byte === COMMA) {
      if (++values > limits.values) return `holds more than ${limits.values} values at byte ${at}`;
    }
  }
  return undefined;
}

/** The value of UTF-8 JSON, and its text; a byte order mark is passed over. */
export function parseJsonBytes(
  bytes: Uint8Array,
  limits: JsonLimits,
  refuse: Refuse,
): { readonly value: unknown; readonly text: string } {
  const problem = excess(bytes, limits);
  if (problem !== undefined) throw refuse(problem);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse("is not valid UTF-8", cause);
  }
  try {
    return { value: JSON.parse(text), text };
  } catch (cause) {
    throw refuse(`is not JSON: ${messageOf(cause)}`, cause);
  }
}

/** The value in a JSON file. */
export function readJsonFile(path: string, limits: JsonLimits, refuse: Refuse): unknown {
  return parseJsonBytes(readWholeFile(path, limits.bytes, refuse), limits, refuse).value;
}

/** Whether a value is what JSON calls an object. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
