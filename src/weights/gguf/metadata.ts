/** Metadata of a GGUF file: typed values under names such as "llama.block_count". */

export type GgufNumberType =
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "uint32"
  | "int32"
  | "float32"
  | "float64";
export type GgufItemType = GgufNumberType | "uint64" | "int64" | "bool" | "string";

/** A list: a typed array of the items' own kind, Uint8Array of 0 and 1 for bool, strings as they are. */
export type GgufItems =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array
  | readonly string[];

export type GgufValue =
  | { readonly type: GgufNumberType; readonly value: number }
  | { readonly type: "uint64" | "int64"; readonly value: bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "array"; readonly items: GgufItemType; readonly value: GgufItems };

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Type numbers of the format, in order; 9 is a list. */
export const VALUE_TYPES = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const satisfies readonly (GgufItemType | "array")[];

type FixedType = Exclude<GgufItemType, "string">;

interface FixedArray {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): Exclude<GgufItems, readonly string[]>;
}

/** The array that holds items of each type of fixed size. */
export const ARRAYS: Readonly<Record<FixedType, FixedArray>> = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  bool: Uint8Array,
};
