/** Reading GGUF files: the header at once, tensors when asked for, decoded to float32 piece by piece. */
import { closeSync, fstatSync } from "node:fs";
import { didYouMean } from "../../support/did-you-mean.ts";
import { TuttiError } from "../../support/errors.ts";
import { shown } from "../../support/show.ts";
import { openForReading, readAt } from "../positioned-read.ts";
import { invalidGguf } from "./error.ts";
import { type GgufEntry, type GgufHeader, parseGgufHeader } from "./header.ts";
import { HeaderBytes } from "./header-bytes.ts";
import type { GgufMetadata } from "./metadata.ts";
import { READABLE_TYPES, tensorTypeByName } from "./tensor-type.ts";

/** Encoded bytes held at a time while a tensor is decoded. */
const PIECE_BYTES = 1 << 22;

export interface GgufTensor {
  readonly name: string;
  /** As stored. */
  readonly type: string;
  /** Row-major. */
  readonly shape: readonly number[];
  /** Decoded to float32, whatever the type. */
  readonly data: Float32Array;
}

/** An open file; close it when done. */
export interface GgufFile {
  readonly path: string;
  /** Version of the format: 2 or 3. */
  readonly version: number;
  readonly metadata: GgufMetadata;
  readonly entries: ReadonlyMap<string, GgufEntry>;
  /**
   * Reads one tensor from the disk and decodes it.
   *
   * @throws {TuttiError} WEIGHTS_MISMATCH when there is none of that name, DTYPE_MISMATCH when its type has no decoder
   */
  read(name: string): GgufTensor;
  close(): void;
}

function readHeader(path: string, descriptor: number): GgufHeader {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw invalidGguf(path, "is not a file");
  return parseGgufHeader(new HeaderBytes(path, descriptor, stat.size));
}

/** A file may hold more than the memory does, for one by having holes. */
function floatsFor(path: string, name: string, elements: number): Float32Array {
  try {
    return new Float32Array(elements);
  } catch (cause) {
    const message = `tensor ${shown(name)} of ${elements} elements does not fit into memory`;
    throw invalidGguf(path, message, { tensor: name, elements }, cause);
  }
}

function readTensor(path: string, descriptor: number, entry: GgufEntry): GgufTensor {
  const { name, shape, byteOffset, byteLength } = entry;
  const type = tensorTypeByName(entry.type);
  const { dequantize } = type;
  if (dequantize === undefined) {
    throw new TuttiError(
      "DTYPE_MISMATCH",
      `${path}: tensor "${name}" is ${type.name}, which is not decoded`,
      {
        details: { path, tensor: name, type: type.name },
        hint: `take a file with tensors of these types: ${READABLE_TYPES.join(", ")}`,
      },
    );
  }
  const blocks = byteLength / type.blockBytes;
  const data = floatsFor(path, name, blocks * type.blockElements);
  const pieceBlocks = Math.floor(PIECE_BYTES / type.blockBytes);
  const piece = new Uint8Array(Math.min(blocks, pieceBlocks) * type.blockBytes);
  for (let block = 0; block < blocks; block += pieceBlocks) {
    const end = Math.min(block + pieceBlocks, blocks);
    const bytes = piece.subarray(0, (end - block) * type.blockBytes);
    readAt(descriptor, bytes, byteOffset + block * type.blockBytes, (position) =>
      invalidGguf(path, `ends at byte ${position}, inside tensor "${name}"`, { tensor: name }),
    );
    dequantize(bytes, data.subarray(block * type.blockElements, end * type.blockElements));
  }
  return { name, type: type.name, shape, data };
}

/**
 * Opens a file and checks its header; tensors are read when asked for.
 *
 * @throws {TuttiError} FILE_NOT_FOUND, or GGUF_INVALID naming the file, the part and the numbers
 */
export function openGguf(path: string): GgufFile {
  const descriptor = openForReading(path);
  let header: GgufHeader;
  try {
    header = readHeader(path, descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  let isOpen = true;
  return {
    path,
    version: header.version,
    metadata: header.metadata,
    entries: header.entries,
    read(name) {
      const entry = header.entries.get(name);
      if (!entry) {
        throw new TuttiError("WEIGHTS_MISMATCH", `${path}: has no tensor "${name}"`, {
          details: { path, tensor: name },
          hint: didYouMean(name, [...header.entries.keys()]) || "list the names with openGguf(path).entries",
        });
      }
      return readTensor(path, descriptor, entry);
    },
    close() {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}
