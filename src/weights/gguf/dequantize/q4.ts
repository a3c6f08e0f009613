/**
 * 4-bit blocks of 32. Byte j of a block holds element j in its low half and element j + 16 in its high half.
 *
 * Q4_0, 18 bytes: scale f16, quants; x = scale * (q - 8).
 * Q4_1, 20 bytes: scale f16, minimum f16, quants; x = scale * q + minimum.
 */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

export const dequantizeQ40: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 18, out += 32) {
    const scale = half[bits16(bytes, at)]!;
    for (let j = 0; j < 16; j++) {
      const pair = bytes[at + 2 + j]!;
      output[out + j] = scale * ((pair & 15) - 8);
      output[out + j + 16] = scale * ((pair >> 4) - 8);
    }
  }
};

export const dequantizeQ41: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 20, out += 32) {
    const scale = half[bits16(bytes, at)]!;
    const minimum = half[bits16(bytes, at + 2)]!;
    for (let j = 0; j < 16; j++) {
      const pair = bytes[at + 4 + j]!;
      output[out + j] = Math.fround(scale * (pair & 15)) + minimum;
      output[out + j + 16] = Math.fround(scale * (pair >> 4)) + minimum;
    }
  }
};
