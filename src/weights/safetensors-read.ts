/** Reading safetensors files tensor by tensor, each into an array of its own: no second copy of the file in memory. */
import { closeSync, fstatSync } from "node:fs";
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";
import { decodeBfloat16, decodeFloat16 } from "../tensor/float16.ts";
import { sizeOf } from "../tensor/shape.ts";
import { openForReading, readAt } from "./positioned-read.ts";
import { type SafetensorsData, type SafetensorsDType, storedType } from "./safetensors-dtype.ts";
import {
  checkHeaderLength,
  invalidSafetensors,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./safetensors-header.ts";

export interface SafetensorsTensor {
  readonly name: string;
  /** As stored; the data of F16 and BF16 are widened to float32. */
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Row-major. BOOL is one byte per element. */
  readonly data: SafetensorsData;
}

/** An open file; close it when done. */
export interface SafetensorsFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /**
   * Reads one tensor from the disk.
   *
   * @throws {TuttiError} WEIGHTS_MISMATCH when there is none of that name
   */
  read(name: string): SafetensorsTensor;
  /**
   * Fills `values` with the elements of an F32, F16 or BF16 tensor from the one numbered `start` on, row-major: a tensor larger
   * than the memory is read in pieces.
   *
   * @throws {TuttiError} WEIGHTS_MISMATCH (no such tensor), DTYPE_MISMATCH, INVALID_ARGUMENT (beyond its end)
   */
  readFloats(name: string, start: number, values: Float32Array): void;
  close(): void;
}

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the bytes in the file. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

function readInto(path: string, descriptor: number, bytes: Uint8Array, position: number): void {
  readAt(descriptor, bytes, position, (end) =>
    invalidSafetensors(path, `ends at byte ${end}, expected ${position + bytes.byteLength}`),
  );
}

function readHeader(path: string, descriptor: number): SafetensorsHeader {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw invalidSafetensors(path, "is not a file");
  if (stat.size < 8) {
    throw invalidSafetensors(
      path,
      `is ${stat.size} bytes long, too short for the 8 bytes of the header length`,
    );
  }
  const lengthField = new Uint8Array(8);
  readInto(path, descriptor, lengthField, 0);
  const length = checkHeaderLength(path, new DataView(lengthField.buffer).getBigUint64(0, true), stat.size);
  const json = new Uint8Array(length);
  readInto(path, descriptor, json, 8);
  return parseSafetensorsHeader(path, json, stat.size);
}

/** A file may hold more than the memory does, for one by having holes. */
function bufferFor(path: string, { name, byteLength }: SafetensorsEntry): ArrayBuffer {
  try {
    return new ArrayBuffer(byteLength);
  } catch (cause) {
    throw invalidSafetensors(
      path,
      `tensor ${shown(name)} of ${byteLength} bytes does not fit into memory`,
      { tensor: name, byteLength },
      cause,
    );
  }
}

function checkPart(
  path: string,
  { name, dtype, shape }: SafetensorsEntry,
  start: number,
  count: number,
): void {
  if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16") {
    throw new TuttiError(
      "DTYPE_MISMATCH",
      `${path}: tensor "${name}" is ${dtype}, expected F32, F16 or BF16`,
      {
        details: { path, tensor: name, dtype },
        hint: "read it whole",
      },
    );
  }
  const elements = sizeOf(shape);
  if (Number.isInteger(start) && start >= 0 && start + count <= elements) return;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `${path}: elements ${start} to ${start + count} of tensor "${name}", which has ${elements}`,
    { details: { path, tensor: name, start, count, elements }, hint: "ask for elements that are there" },
  );
}

function readPart(
  path: string,
  descriptor: number,
  { dtype, byteOffset }: SafetensorsEntry,
  start: number,
  values: Float32Array,
): void {
  if (dtype === "F32") {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    readInto(path, descriptor, bytes, byteOffset + 4 * start);
    return;
  }
  // The bits lie in the upper half of the values' own memory: each is read before the value that covers it is written.
  const bits = new Uint16Array(values.buffer, values.byteOffset + 2 * values.length, values.length);
  const bytes = new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
  readInto(path, descriptor, bytes, byteOffset + 2 * start);
  if (dtype === "F16") decodeFloat16(bits, values);
  else decodeBfloat16(bits, values);
}

/**
 * Opens a file and checks its header; tensors are read when asked for.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, or SAFETENSORS_INVALID naming the file, the tensor and the numbers
 */
export function openSafetensors(path: string): SafetensorsFile {
  const descriptor = openForReading(path);
  let header: SafetensorsHeader;
  try {
    header = readHeader(path, descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  let isOpen = true;
  const entryOf = (name: string): SafetensorsEntry => {
    const entry = header.entries.get(name);
    if (entry) return entry;
    throw new TuttiError("WEIGHTS_MISMATCH", `${path}: has no tensor "${name}"`, {
      details: { path, tensor: name },
      hint:
        didYouMean(name, [...header.entries.keys()]) || "list the names with openSafetensors(path).entries",
    });
  };
  return {
    path,
    metadata: header.metadata,
    entries: header.entries,
    readFloats(name, start, values) {
      const entry = entryOf(name);
      checkPart(path, entry, start, values.length);
      readPart(path, descriptor, entry, start, values);
    },
    read(name) {
      const entry = entryOf(name);
      const buffer = bufferFor(path, entry);
      readInto(path, descriptor, new Uint8Array(buffer), entry.byteOffset);
      return { name, dtype: entry.dtype, shape: entry.shape, data: storedType(entry.dtype).decode(buffer) };
    },
    close() {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}

/**
 * Reads all tensors of a file, or those of `names`.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, SAFETENSORS_INVALID, or WEIGHTS_MISMATCH when a name is not there
 */
export function readSafetensors(
  path: string,
  options: { readonly names?: readonly string[] } = {},
): Safetensors {
  const file = openSafetensors(path);
  try {
    const names = options.names ?? [...file.entries.keys()];
    return { metadata: file.metadata, tensors: new Map(names.map((name) => [name, file.read(name)])) };
  } finally {
    file.close();
  }
}
