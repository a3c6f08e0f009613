/**
 * The part of the protobuf wire format that ONNX models need: varints, 32-bit floats and length-delimited
 * fields. Messages are lists of byte chunks, so large tensors are never copied while nesting.
 *
 * Source: the protobuf encoding guide; field numbers from onnx.proto3 of ONNX 1.16.
 */

import { assert } from "../support/errors.ts";

/** Bytes that are made when they are written. */
export interface DeferredBytes {
  readonly byteLength: number;
  readonly read: () => Uint8Array;
}

/** Bytes of a message, in pieces. */
export type Chunks = readonly (Uint8Array | DeferredBytes)[];

const encoder = new TextEncoder();

/** Base-128 varint of a signed integer (two's complement in 64 bits, as int64 fields require). */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

const tag = (field: number, wireType: number): Uint8Array => varint((field << 3) | wireType);

export const lengthOf = (chunks: Chunks): number => chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);

export const intField = (field: number, value: number | bigint): Chunks => [tag(field, 0), varint(value)];

export function floatField(field: number, value: number): Chunks {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [tag(field, 5), bytes];
}

export const bytesField = (field: number, bytes: Uint8Array | DeferredBytes): Chunks => [
  tag(field, 2),
  varint(bytes.byteLength),
  bytes,
];

export const stringField = (field: number, text: string): Chunks => bytesField(field, encoder.encode(text));

export const messageField = (field: number, message: Chunks): Chunks => [
  tag(field, 2),
  varint(lengthOf(message)),
  ...message,
];

/** The bytes of the chunks, each made when it is asked for. */
export function* readChunks(chunks: Chunks): Generator<Uint8Array> {
  for (const chunk of chunks) {
    const bytes = "read" in chunk ? chunk.read() : chunk;
    assert(bytes.byteLength === chunk.byteLength, "deferred bytes have another length than announced");
    yield bytes;
  }
}

/** All chunks in one array. */
export function concatenate(chunks: Chunks): Uint8Array {
  const bytes = new Uint8Array(lengthOf(chunks));
  let offset = 0;
  for (const chunk of readChunks(chunks)) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
