/** Metadata and tensor infos as bytes of a GGUF header. */
import { ARRAYS, type GgufItems, type GgufItemType, type GgufValue, VALUE_TYPES } from "./metadata.ts";

export function uint32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function uint64Bytes(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

export function* stringBytes(text: string): Generator<Uint8Array> {
  const bytes = Buffer.from(text, "utf8");
  yield uint64Bytes(bytes.byteLength);
  yield bytes;
}

function typeBytes(type: GgufItemType | "array"): Uint8Array {
  return uint32Bytes(VALUE_TYPES.indexOf(type));
}

/** Numbers in the array of their type, as bytes. */
function fixedBytes(type: Exclude<GgufItemType, "string">, values: ArrayLike<number | bigint>): Uint8Array {
  const array = new ARRAYS[type](new ArrayBuffer(values.length * ARRAYS[type].BYTES_PER_ELEMENT));
  for (let index = 0; index < values.length; index++) array[index] = values[index]!;
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function* itemBytes(type: GgufItemType, items: GgufItems): Generator<Uint8Array> {
  yield typeBytes(type);
  yield uint64Bytes(items.length);
  if (type === "string") for (const text of items as readonly string[]) yield* stringBytes(text);
  else yield fixedBytes(type, items as ArrayLike<number | bigint>);
}

/** One entry: name, type, value. */
export function* entryBytes(key: string, field: GgufValue): Generator<Uint8Array> {
  yield* stringBytes(key);
  yield typeBytes(field.type);
  switch (field.type) {
    case "string":
      yield* stringBytes(field.value);
      break;
    case "array":
      yield* itemBytes(field.items, field.value);
      break;
    case "bool":
      yield Uint8Array.of(field.value ? 1 : 0);
      break;
    default:
      yield fixedBytes(field.type, [field.value]);
  }
}
