/** Element types of the safetensors format and the arrays that hold them here. */
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from "../tensor/float16.ts";

export type SafetensorsData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

interface StoredType {
  readonly bytes: number;
  /** Name of the array that holds the values in memory; half precision is widened to Float32Array. */
  readonly array: string;
  /** Wraps the stored bytes: a view where the types agree, else a decoded copy. */
  readonly decode: (buffer: ArrayBuffer) => SafetensorsData;
  /** Stored form of `data`, which is of the type named by `array`: a view where the types agree. */
  readonly encode: (data: SafetensorsData) => Uint8Array;
}

const bytesOf = (data: SafetensorsData): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function plain(Constructor: {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): SafetensorsData;
}): StoredType {
  return {
    bytes: Constructor.BYTES_PER_ELEMENT,
    array: Constructor.name,
    decode: (buffer) => new Constructor(buffer),
    encode: bytesOf,
  };
}

const TYPES = {
  F64: plain(Float64Array),
  F32: plain(Float32Array),
  F16: {
    bytes: 2,
    array: "Float32Array",
    decode: (buffer: ArrayBuffer) => decodeFloat16(new Uint16Array(buffer)),
    encode: (data: SafetensorsData) => bytesOf(encodeFloat16(data as Float32Array)),
  },
  BF16: {
    bytes: 2,
    array: "Float32Array",
    decode: (buffer: ArrayBuffer) => decodeBfloat16(new Uint16Array(buffer)),
    encode: (data: SafetensorsData) => bytesOf(encodeBfloat16(data as Float32Array)),
  },
  I64: plain(BigInt64Array),
  U64: plain(BigUint64Array),
  I32: plain(Int32Array),
  U32: plain(Uint32Array),
  I16: plain(Int16Array),
  U16: plain(Uint16Array),
  I8: plain(Int8Array),
  U8: plain(Uint8Array),
  BOOL: plain(Uint8Array),
} satisfies Record<string, StoredType>;

/** Names as the file spells them. */
export type SafetensorsDType = keyof typeof TYPES;

export const SAFETENSORS_DTYPES = Object.keys(TYPES) as readonly SafetensorsDType[];

export function isSafetensorsDType(name: unknown): name is SafetensorsDType {
  return typeof name === "string" && Object.hasOwn(TYPES, name);
}

export function storedType(dtype: SafetensorsDType): StoredType {
  return TYPES[dtype];
}
