/** Unquantised types: F32, F16 and BF16, little-endian. */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

export const dequantizeF32: Dequantize = (bytes, output) => {
  new Uint8Array(output.buffer, output.byteOffset, output.byteLength).set(
    bytes.subarray(0, output.byteLength),
  );
};

export const dequantizeF16: Dequantize = (bytes, output) => {
  const values = float16Table();
  for (let index = 0; index < output.length; index++) output[index] = values[bits16(bytes, 2 * index)]!;
};

export const dequantizeBF16: Dequantize = (bytes, output) => {
  const words = new Uint32Array(output.buffer, output.byteOffset, output.length);
  for (let index = 0; index < output.length; index++) words[index] = bits16(bytes, 2 * index) << 16;
};
