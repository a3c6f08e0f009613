/** Reads the protobuf wire format into a flat list of fields; nested messages are read on demand. */
import { TuttiError } from "../support/errors.ts";

export type Field =
  | { readonly number: number; readonly wire: "varint"; readonly value: bigint }
  | { readonly number: number; readonly wire: "fixed32" | "fixed64" | "bytes"; readonly bytes: Uint8Array };

function corrupt(message: string): TuttiError {
  return new TuttiError("FILE_CORRUPT", `not a valid protobuf message: ${message}`, {
    hint: "the file may be truncated, or not an ONNX model",
  });
}

class Cursor {
  offset = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.offset >= this.bytes.byteLength;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.offset++];
      if (byte === undefined) throw corrupt(`a varint runs past byte ${this.bytes.byteLength}`);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw corrupt("a varint is longer than 10 bytes");
  }

  take(length: number): Uint8Array {
    if (this.offset + length > this.bytes.byteLength) {
      throw corrupt(`a field of ${length} bytes at ${this.offset} runs past byte ${this.bytes.byteLength}`);
    }
    const part = this.bytes.subarray(this.offset, this.offset + length);
    this.offset += length;
    return part;
  }
}

/** The fields of one message in file order. @throws {TuttiError} FILE_CORRUPT */
export function readFields(bytes: Uint8Array): Field[] {
  const cursor = new Cursor(bytes);
  const fields: Field[] = [];
  while (!cursor.isAtEnd) {
    const key = Number(cursor.varint());
    const number = Math.floor(key / 8);
    if (number === 0) throw corrupt("field number 0");
    switch (key % 8) {
      case 0:
        fields.push({ number, wire: "varint", value: cursor.varint() });
        break;
      case 1:
        fields.push({ number, wire: "fixed64", bytes: cursor.take(8) });
        break;
      case 2:
        fields.push({ number, wire: "bytes", bytes: cursor.take(Number(cursor.varint())) });
        break;
      case 5:
        fields.push({ number, wire: "fixed32", bytes: cursor.take(4) });
        break;
      default:
        throw corrupt(`wire type ${key % 8}`);
    }
  }
  return fields;
}

const decoder = new TextDecoder();

export const messagesOf = (fields: readonly Field[], number: number): Uint8Array[] =>
  fields.flatMap((field) => (field.number === number && field.wire === "bytes" ? [field.bytes] : []));

export const stringsOf = (fields: readonly Field[], number: number): string[] =>
  messagesOf(fields, number).map((bytes) => decoder.decode(bytes));

export const intsOf = (fields: readonly Field[], number: number): number[] =>
  fields.flatMap((field) =>
    field.number === number && field.wire === "varint" ? [Number(BigInt.asIntN(64, field.value))] : [],
  );
