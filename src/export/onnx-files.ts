/** Writing a lowered graph: one tensor in memory at a time, atomically, hashed on the way. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type ExternalPlace, type OnnxGraph, type OnnxInitializer, onnxModelChunks } from "../onnx/model.ts";
import { type Chunks, lengthOf, readChunks } from "../onnx/protobuf-writer.ts";
import { writePartsAtomic } from "../support/atomic-file.ts";
import { version } from "../support/version.ts";

export const MODEL_FILE = "model.onnx";
export const DATA_FILE = "model.onnx.data";

/** Protobuf readers refuse longer messages. */
const MAXIMUM_MODEL_BYTES = 2 ** 31 - 1;
/** Smaller tensors stay in the model file: shapes and axes must be there to be read while it is opened. */
const LEAST_EXTERNAL_BYTES = 1024;
/** Offsets in the data file are multiples of a page, so that runtimes can map tensors into memory. */
const PAGE_BYTES = 4096;

export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
  /** sha256 in hex. */
  readonly sha256: string;
}

/** Writes a file of a folder atomically. */
export function writeHashed(folder: string, name: string, parts: Iterable<string | Uint8Array>): WrittenFile {
  const hash = createHash("sha256");
  let bytes = 0;
  function* counted(): Generator<string | Uint8Array> {
    for (const part of parts) {
      hash.update(part);
      bytes += Buffer.byteLength(part);
      yield part;
    }
  }
  writePartsAtomic(join(folder, name), counted());
  return { name, bytes, sha256: hash.digest("hex") };
}

const isExternal = ({ bytes }: OnnxInitializer): boolean => bytes.byteLength >= LEAST_EXTERNAL_BYTES;

/** The data file in pieces, and where in it each initialiser lies. */
function layOut(initializers: readonly OnnxInitializer[]): {
  readonly places: ReadonlyMap<OnnxInitializer, ExternalPlace>;
  readonly data: Chunks;
} {
  const places = new Map<OnnxInitializer, ExternalPlace>();
  const data: Chunks[number][] = [];
  let offset = 0;
  for (const initializer of initializers.filter(isExternal)) {
    const padding = -offset & (PAGE_BYTES - 1);
    if (padding > 0) data.push(new Uint8Array(padding));
    offset += padding;
    places.set(initializer, { file: DATA_FILE, offset });
    data.push(initializer.bytes);
    offset += initializer.bytes.byteLength;
  }
  return { places, data };
}

/**
 * Writes `model.onnx` and, where weights are external, `model.onnx.data` before it.
 *
 * @param isExternalWanted whether weights go into a file of their own; models over 2 GiB do in any case
 * @throws {TuttiError} FILE_WRITE_FAILED
 */
export function writeOnnxFiles(folder: string, graph: OnnxGraph, isExternalWanted: boolean): WrittenFile[] {
  const whole = onnxModelChunks(graph, version);
  if (!isExternalWanted && lengthOf(whole) <= MAXIMUM_MODEL_BYTES) {
    return [writeHashed(folder, MODEL_FILE, readChunks(whole))];
  }
  const { places, data } = layOut(graph.initializers);
  return [
    writeHashed(folder, DATA_FILE, readChunks(data)),
    writeHashed(folder, MODEL_FILE, readChunks(onnxModelChunks(graph, version, places))),
  ];
}
