/** Writing GGUF files, version 3, tensor by tensor: one tensor is in memory at a time. */
import { writePartsAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { encodeBfloat16, encodeFloat16 } from "../../tensor/float16.ts";
import { formatShape, sizeOf } from "../../tensor/shape.ts";
import { entryBytes, stringBytes, uint32Bytes, uint64Bytes } from "./encode-metadata.ts";
import { DEFAULT_ALIGNMENT, MAGIC, MAXIMUM_RANK } from "./header.ts";
import type { GgufMetadata } from "./metadata.ts";
import { quantizeQ80 } from "./quantize-q8-0.ts";
import { tensorTypeByName } from "./tensor-type.ts";

const bytesOf = (data: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const ENCODERS = {
  F32: bytesOf,
  F16: (values: Float32Array) => bytesOf(encodeFloat16(values)),
  BF16: (values: Float32Array) => bytesOf(encodeBfloat16(values)),
  Q8_0: quantizeQ80,
} as const;

/** Element types that can be written. */
export type GgufWriteType = keyof typeof ENCODERS;
export const GGUF_WRITE_TYPES = Object.keys(ENCODERS) as readonly GgufWriteType[];

export interface GgufTensorToWrite {
  /** At most 63 bytes, which is what llama.cpp reads. */
  readonly name: string;
  readonly type: GgufWriteType;
  /** Row-major; one to four dimensions. */
  readonly shape: readonly number[];
  /** Gives the values when it is the tensor's turn, row-major. */
  readonly read: () => Float32Array;
}

const MAXIMUM_NAME_BYTES = 63;
/** From here on a number becomes infinite in float16. */
const FLOAT16_LIMIT = 65_520;

function checkInfo({ name, type, shape }: GgufTensorToWrite): void {
  if (name === "" || Buffer.byteLength(name) > MAXIMUM_NAME_BYTES) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `tensor name "${name}" takes ${Buffer.byteLength(name)} bytes, expected 1 to ${MAXIMUM_NAME_BYTES}`,
    );
  }
  if (!GGUF_WRITE_TYPES.includes(type)) {
    throw new TuttiError(
      "DTYPE_MISMATCH",
      `tensor "${name}": type is "${type}", expected one of ${GGUF_WRITE_TYPES.join(", ")}`,
    );
  }
  const { blockElements } = tensorTypeByName(type);
  if (shape.length < 1 || shape.length > MAXIMUM_RANK || shape.some((size) => !(size > 0))) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `tensor "${name}": shape is ${formatShape(shape)}, expected one to ${MAXIMUM_RANK} dimensions of at least 1`,
    );
  }
  if (shape.at(-1)! % blockElements !== 0) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `tensor "${name}": rows of ${shape.at(-1)} elements cannot be ${type}, whose blocks are of ${blockElements}`,
      { hint: "write this tensor as F16 or F32" },
    );
  }
}

function byteLengthOf({ type, shape }: GgufTensorToWrite): number {
  const { blockElements, blockBytes } = tensorTypeByName(type);
  return (sizeOf(shape) / blockElements) * blockBytes;
}

/** NaN and infinity would spoil a whole Q8_0 block; numbers beyond float16 would become infinite. */
function checkValues(name: string, type: GgufWriteType, values: Float32Array): void {
  const limit = type === "F16" ? FLOAT16_LIMIT : type === "Q8_0" ? 127 * FLOAT16_LIMIT : undefined;
  if (limit === undefined) return;
  for (let index = 0; index < values.length; index++) {
    if (Math.abs(values[index]!) < limit) continue;
    throw new TuttiError(
      "NON_FINITE",
      `tensor "${name}": element ${index} is ${values[index]}, which ${type} cannot hold`,
      { details: { tensor: name, index }, hint: "write this tensor as F32, or find out what made the value" },
    );
  }
}

function encode({ name, type, shape, read }: GgufTensorToWrite): Uint8Array {
  const values = read();
  if (values.length !== sizeOf(shape)) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `tensor "${name}": shape ${formatShape(shape)} takes ${sizeOf(shape)} elements, received ${values.length}`,
    );
  }
  checkValues(name, type, values);
  return ENCODERS[type](values);
}

function* headerBytes(metadata: GgufMetadata, tensors: readonly GgufTensorToWrite[], alignment: number) {
  yield Buffer.from(MAGIC);
  yield uint32Bytes(3);
  yield uint64Bytes(tensors.length);
  yield uint64Bytes(metadata.size);
  for (const [key, field] of metadata) yield* entryBytes(key, field);
  let offset = 0;
  for (const tensor of tensors) {
    yield* stringBytes(tensor.name);
    yield uint32Bytes(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) yield uint64Bytes(size);
    yield uint32Bytes(tensorTypeByName(tensor.type).id);
    yield uint64Bytes(offset);
    offset = alignUp(offset + byteLengthOf(tensor), alignment);
  }
}

function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function padding(bytes: number, alignment: number): Uint8Array {
  return new Uint8Array(alignUp(bytes, alignment) - bytes);
}

function* fileParts(metadata: GgufMetadata, tensors: readonly GgufTensorToWrite[], alignment: number) {
  const header = Buffer.concat([...headerBytes(metadata, tensors, alignment)]);
  yield header;
  yield padding(header.byteLength, alignment);
  for (const tensor of tensors) {
    const bytes = encode(tensor);
    yield bytes;
    yield padding(bytes.byteLength, alignment);
  }
}

/**
 * Writes metadata and tensors, in the order given, to `path`, atomically: a reader sees the old file or the whole new
 * one. llama.cpp wants `general.architecture` among the metadata, and first.
 *
 * @throws {TuttiError} INVALID_ARGUMENT (name too long, repeated, alignment), DTYPE_MISMATCH, SHAPE_MISMATCH,
 *   NON_FINITE (a value that the type cannot hold), FILE_WRITE_FAILED
 */
export function writeGguf(path: string, metadata: GgufMetadata, tensors: readonly GgufTensorToWrite[]): void {
  const names = new Set<string>();
  for (const tensor of tensors) {
    checkInfo(tensor);
    if (names.has(tensor.name)) {
      throw new TuttiError("INVALID_ARGUMENT", `two tensors are named "${tensor.name}"`, {
        hint: "give each tensor a name of its own",
      });
    }
    names.add(tensor.name);
  }
  if (metadata.has("general.alignment")) {
    throw new TuttiError("INVALID_ARGUMENT", "general.alignment is the writer's own: leave it out", {
      hint: `tensors are aligned to ${DEFAULT_ALIGNMENT} bytes`,
    });
  }
  writePartsAtomic(path, fileParts(metadata, tensors, DEFAULT_ALIGNMENT));
}
