/** Element types of tensors and the typed arrays that hold them. */

/** float16 (IEEE 754 binary16, held as its bits) only stores: graphs widen it before they compute. */
export type DType = "float32" | "float16" | "int32" | "uint8" | "bool";

export type TensorData = Float32Array | Uint16Array | Int32Array | Uint8Array;

/** Bytes per element as stored in host memory; bool takes one byte. */
export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  uint8: 1,
  bool: 1,
};

/** A zeroed array of the right kind. */
export function allocate(dtype: DType, length: number): TensorData {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float16":
      return new Uint16Array(length);
    case "int32":
      return new Int32Array(length);
    case "uint8":
    case "bool":
      return new Uint8Array(length);
  }
}
