/**
 * The safetensors file format: 8 bytes of header length, a JSON header, then raw little-endian tensor data.
 *
 * Every rule of the format is checked before any data is touched, so that a hostile or broken file gives an
 * error and never a crash, a huge allocation or a read outside the file.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { writeFileAtomic } from "../support/atomic-file.ts";
import { messageOf, TuttiError } from "../support/errors.ts";
import { decodeBfloat16, decodeFloat16 } from "../tensor/float16.ts";

/** Bytes per element of the dtypes that are read. */
const DTYPE_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, BOOL: 1 } as const;
export type SafetensorsDtype = keyof typeof DTYPE_BYTES;

/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

export type SafetensorsData = Float64Array | Float32Array | BigInt64Array | Int32Array | Uint8Array;

export interface SafetensorsTensor {
  /** As stored; F16 and BF16 data is widened to float32 on reading. */
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: SafetensorsData;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** The `__metadata__` entry. */
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

function invalid(path: string, problem: string, details: Readonly<Record<string, unknown>> = {}): TuttiError {
  return new TuttiError("SAFETENSORS_INVALID", `${path}: ${problem}`, {
    details: { path, ...details },
    hint: "the file is damaged or not a safetensors file; fetch or write it again",
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseEntry(path: string, name: string, value: unknown, dataBytes: number): Entry {
  if (!isRecord(value)) throw invalid(path, `tensor "${name}": its entry is not an object`, { name });
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    const known = Object.keys(DTYPE_BYTES).join(", ");
    throw invalid(path, `tensor "${name}": dtype is ${JSON.stringify(dtype)}, expected one of ${known}`, {
      name,
    });
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw invalid(path, `tensor "${name}": shape is ${JSON.stringify(shape)}, expected counts`, { name });
  }
  if (
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every(isCount) ||
    Number(offsets[0]) > Number(offsets[1])
  ) {
    throw invalid(
      path,
      `tensor "${name}": data_offsets are ${JSON.stringify(offsets)}, expected [start, end]`,
      { name },
    );
  }
  const [start, end] = offsets as [number, number];
  if (end > dataBytes) {
    throw invalid(path, `tensor "${name}": data ends at ${end}, the file holds ${dataBytes} bytes of data`, {
      name,
    });
  }
  const bytes = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype as SafetensorsDtype]);
  if (bytes !== end - start) {
    throw invalid(
      path,
      `tensor "${name}": ${dtype}[${shape}] takes ${bytes} bytes, its offsets span ${end - start}`,
      { name },
    );
  }
  return { name, dtype: dtype as SafetensorsDtype, shape, start, end };
}

/** Names that stand twice in the header, which JSON.parse would silently merge. */
function duplicateKey(header: string, keys: readonly string[]): string | undefined {
  return keys.find((key) => {
    const quoted = `${JSON.stringify(key)}:`;
    const compact = header.replaceAll(/"\s*:/g, '":');
    return compact.indexOf(quoted) !== compact.lastIndexOf(quoted);
  });
}

function parseHeader(
  path: string,
  text: string,
  dataBytes: number,
): { entries: Entry[]; metadata: Record<string, string> } {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, `the header is not JSON: ${messageOf(cause)}`);
  }
  if (!isRecord(header)) throw invalid(path, "the header is not a JSON object");
  const { __metadata__: metadata = {}, ...tensors } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw invalid(path, "__metadata__ must map names to strings");
  }
  const names = Object.keys(tensors);
  const topLevelEntries = text.match(/"data_offsets"/g)?.length ?? 0;
  if (topLevelEntries !== names.length) {
    const name = duplicateKey(text, names);
    throw invalid(path, name ? `tensor "${name}" stands twice in the header` : "an entry is malformed", {
      name,
    });
  }
  const entries = names.map((name) => parseEntry(path, name, tensors[name], dataBytes));
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  let expected = 0;
  for (const { name, start, end } of entries) {
    if (start !== expected) {
      const problem = start < expected ? "overlaps the one before" : "leaves a gap before it";
      throw invalid(path, `tensor "${name}" starts at ${start} and ${problem}, which ends at ${expected}`, {
        name,
      });
    }
    expected = end;
  }
  if (expected !== dataBytes) throw invalid(path, `${dataBytes - expected} bytes after the last tensor`);
  return { entries, metadata: metadata as Record<string, string> };
}

function decode({ dtype, shape }: Entry, bytes: Uint8Array<ArrayBuffer>): SafetensorsTensor {
  const { buffer, byteOffset, byteLength } = bytes;
  switch (dtype) {
    case "F64":
      return { dtype, shape, data: new Float64Array(buffer, byteOffset, byteLength / 8) };
    case "F32":
      return { dtype, shape, data: new Float32Array(buffer, byteOffset, byteLength / 4) };
    case "I64":
      return { dtype, shape, data: new BigInt64Array(buffer, byteOffset, byteLength / 8) };
    case "I32":
      return { dtype, shape, data: new Int32Array(buffer, byteOffset, byteLength / 4) };
    case "F16":
    case "BF16": {
      const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
      const data = dtype === "F16" ? decodeFloat16(halves) : decodeBfloat16(halves);
      return { dtype, shape, data };
    }
    case "U8":
    case "BOOL":
      return { dtype, shape, data: bytes };
  }
}

/** Reads exactly `length` bytes at `position` into memory of their own, which keeps every view aligned. */
function readExactly(
  descriptor: number,
  path: string,
  position: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const read = readSync(descriptor, bytes, done, Math.min(length - done, 1 << 30), position + done);
    if (read === 0) throw invalid(path, `ends at byte ${position + done}, expected ${position + length}`);
    done += read;
  }
  return bytes;
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new TuttiError("FILE_NOT_FOUND", `could not open ${path}: ${messageOf(cause)}`, {
      cause,
      details: { path },
    });
  }
}

/**
 * Reads a file, or only the named tensors of it.
 *
 * @throws {TuttiError} FILE_NOT_FOUND; SAFETENSORS_INVALID naming the tensor and the numbers; WEIGHTS_MISMATCH
 *   when a named tensor is not there
 */
export function readSafetensors(
  path: string,
  options: { readonly names?: readonly string[] } = {},
): SafetensorsFile {
  const descriptor = openFile(path);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw invalid(path, "not a regular file");
    if (stats.size < 8) throw invalid(path, `holds ${stats.size} bytes, expected at least 8`);
    const prefix = readExactly(descriptor, path, 0, 8);
    const headerBytes = new DataView(prefix.buffer).getBigUint64(0, true);
    if (headerBytes > BigInt(MAX_HEADER_BYTES) || headerBytes > BigInt(stats.size - 8)) {
      throw invalid(path, `claims a header of ${headerBytes} bytes in a file of ${stats.size}`);
    }
    const dataStart = 8 + Number(headerBytes);
    const text = decodeHeaderText(path, readExactly(descriptor, path, 8, Number(headerBytes)));
    const { entries, metadata } = parseHeader(path, text, stats.size - dataStart);
    const wanted = options.names ? new Set(options.names) : undefined;
    const tensors = new Map<string, SafetensorsTensor>();
    for (const entry of entries) {
      if (wanted && !wanted.has(entry.name)) continue;
      tensors.set(
        entry.name,
        decode(entry, readExactly(descriptor, path, dataStart + entry.start, entry.end - entry.start)),
      );
    }
    const missing = options.names?.find((name) => !tensors.has(name));
    if (missing !== undefined) {
      throw new TuttiError("WEIGHTS_MISMATCH", `${path}: has no tensor "${missing}"`, {
        details: { path, name: missing },
      });
    }
    return { tensors, metadata };
  } finally {
    closeSync(descriptor);
  }
}

function decodeHeaderText(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid(path, "the header is not UTF-8");
  }
}

export interface TensorToWrite {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Raw elements in the stored dtype: F16 and BF16 as Uint16Array. */
  readonly data: SafetensorsData | Uint16Array;
}

/**
 * Writes a file atomically, wide dtypes first so that every tensor is aligned; tensor data is not copied.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when data and shape disagree or a name comes twice; FILE_WRITE_FAILED
 */
export function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): void {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype])) {
    const { name, dtype, shape, data } = tensor;
    const bytes = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
    if (bytes !== data.byteLength || Object.hasOwn(header, name)) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `tensor "${name}" of ${dtype}[${shape}] takes ${bytes} bytes once, received ${data.byteLength}`,
      );
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] };
    parts.push(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
    offset += bytes;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(json.length + ((8 - (Buffer.byteLength(json) % 8)) % 8), " "));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  writeFileAtomic(path, length, text, ...parts);
}
