/**
 * Parsing and checking a safetensors header: 8 bytes with the length of the JSON that follows (little-endian), the
 * JSON, then the tensors' bytes, which must cover the rest of the file without gap or overlap.
 */
import { type ErrorDetails, TuttiError } from "../support/errors.ts";
import { isJsonObject, type JsonLimits, parseJsonBytes } from "../support/json.ts";
import { shown } from "../support/show.ts";
import { firstDuplicateKey } from "./duplicate-key.ts";
import {
  isSafetensorsDType,
  SAFETENSORS_DTYPES,
  type SafetensorsDType,
  storedType,
} from "./safetensors-dtype.ts";

/** Longest header that is read, in bytes; the format allows 100 MB, files of ten thousand tensors take one. */
export const MAXIMUM_HEADER_BYTES = 1 << 25;
/** Objects of sizes in an object by name; the values of 150 thousand tensors. */
const HEADER_LIMITS: JsonLimits = { bytes: MAXIMUM_HEADER_BYTES, depth: 4, values: 1 << 20 };
const MAXIMUM_RANK = 64;

/** Where one tensor lies. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the bytes in the file. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
}

/** The error of every malformed file; `message` says which tensor and which numbers. */
export function invalidSafetensors(
  path: string,
  message: string,
  details: ErrorDetails = {},
  cause?: unknown,
): TuttiError {
  return new TuttiError("SAFETENSORS_INVALID", `${path}: ${message}`, {
    details: { path, ...details },
    hint: "the file is damaged, incomplete or not a safetensors file: copy or write it again",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Checks the length field against the format's limit and the size of the file. */
export function checkHeaderLength(path: string, length: bigint, fileBytes: number): number {
  if (length < 2n) throw invalidSafetensors(path, `header length is ${length} bytes, expected at least 2`);
  if (length > BigInt(MAXIMUM_HEADER_BYTES)) {
    throw invalidSafetensors(
      path,
      `header length is ${length} bytes, more than the ${MAXIMUM_HEADER_BYTES} allowed`,
    );
  }
  if (8n + length > BigInt(fileBytes)) {
    throw invalidSafetensors(path, `header of ${length} bytes does not fit in a file of ${fileBytes} bytes`, {
      headerBytes: Number(length),
      fileBytes,
    });
  }
  return Number(length);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseJson(path: string, bytes: Uint8Array): Record<string, unknown> {
  // Before anything is made of the bytes: the header may be long, and not JSON at all.
  if (bytes[0] !== 0x7b)
    throw invalidSafetensors(
      path,
      `header starts with ${shown(String.fromCharCode(bytes[0] ?? 0))}, expected "{"`,
    );
  const { value, text } = parseJsonBytes(bytes, HEADER_LIMITS, (problem, cause) =>
    invalidSafetensors(path, `header ${problem}`, {}, cause),
  );
  const duplicate = firstDuplicateKey(text);
  if (duplicate !== undefined) {
    throw invalidSafetensors(path, `header names ${shown(duplicate)} twice`, { tensor: duplicate });
  }
  return value as Record<string, unknown>;
}

function parseMetadata(path: string, value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isJsonObject(value))
    throw invalidSafetensors(path, `__metadata__ is ${shown(value)}, expected an object of strings`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw invalidSafetensors(path, `__metadata__ field ${shown(key)} is ${shown(text)}, expected a string`);
    }
  }
  return value as Record<string, string>;
}

function parseEntry(
  path: string,
  name: string,
  value: unknown,
  dataStart: number,
  fileBytes: number,
): SafetensorsEntry {
  const fail = (message: string, details: ErrorDetails = {}) =>
    invalidSafetensors(path, `tensor ${shown(name)}: ${message}`, { tensor: name, ...details });
  if (!isJsonObject(value)) throw fail(`entry is ${shown(value)}, expected an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isSafetensorsDType(dtype)) {
    throw fail(`dtype is ${shown(dtype)}, expected one of ${SAFETENSORS_DTYPES.join(", ")}`);
  }
  if (!Array.isArray(shape) || shape.length > MAXIMUM_RANK || !shape.every(isSize)) {
    throw fail(`shape is ${shown(shape)}, expected a list of at most ${MAXIMUM_RANK} sizes`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw fail(`data_offsets is ${shown(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) throw fail(`data_offsets [${begin}, ${end}] end before they begin`);
  const dataBytes = fileBytes - dataStart;
  if (end > dataBytes) {
    throw fail(`data_offsets end at ${end}, but the file holds ${dataBytes} bytes of data`, {
      end,
      dataBytes,
    });
  }
  const expected = shape.reduce((product: number, size) => product * size, storedType(dtype).bytes);
  if (expected !== end - begin) {
    throw fail(
      `${dtype} [${shape.join(", ")}] takes ${expected} bytes, data_offsets [${begin}, ${end}] give ${end - begin}`,
      {
        expectedBytes: expected,
        receivedBytes: end - begin,
      },
    );
  }
  return { name, dtype, shape, byteOffset: dataStart + begin, byteLength: end - begin };
}

/** The tensors, sorted by place, must follow one another from the first byte of data to the last. */
function checkCoverage(
  path: string,
  entries: readonly SafetensorsEntry[],
  dataStart: number,
  fileBytes: number,
): void {
  let reached = dataStart;
  let previous = "the header";
  for (const { name, byteOffset, byteLength } of entries) {
    if (byteOffset !== reached) {
      const what = byteOffset < reached ? "overlaps" : "leaves a gap after";
      throw invalidSafetensors(
        path,
        `tensor ${shown(name)} ${what} ${previous}: it begins at byte ${byteOffset - dataStart} of the data, expected ${reached - dataStart}`,
        { tensor: name, begin: byteOffset - dataStart, expected: reached - dataStart },
      );
    }
    reached += byteLength;
    previous = `tensor ${shown(name)}`;
  }
  if (reached !== fileBytes) {
    throw invalidSafetensors(path, `${fileBytes - reached} bytes after the last tensor belong to none`, {
      dataBytes: fileBytes - dataStart,
      usedBytes: reached - dataStart,
    });
  }
}

/**
 * Reads the JSON of a header and checks all it says.
 *
 * @param bytes the JSON, padding included
 * @param fileBytes size of the whole file
 * @throws {TuttiError} SAFETENSORS_INVALID
 */
export function parseSafetensorsHeader(
  path: string,
  bytes: Uint8Array,
  fileBytes: number,
): SafetensorsHeader {
  const { __metadata__: metadata, ...tensors } = parseJson(path, bytes);
  const dataStart = 8 + bytes.byteLength;
  const entries = Object.entries(tensors)
    .map(([name, value]) => parseEntry(path, name, value, dataStart, fileBytes))
    .sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  checkCoverage(path, entries, dataStart, fileBytes);
  return {
    metadata: parseMetadata(path, metadata),
    entries: new Map(entries.map((entry) => [entry.name, entry])),
  };
}
