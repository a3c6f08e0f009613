/**
 * 5-bit blocks of 32: low four bits laid out as in the 4-bit blocks, fifth bit of element j in bit j of a 32-bit word.
 *
 * Q5_0, 22 bytes: scale f16, fifth bits u32, quants; x = scale * (q - 16).
 * Q5_1, 24 bytes: scale f16, minimum f16, fifth bits u32, quants; x = scale * q + minimum.
 */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

export const dequantizeQ50: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 22, out += 32) {
    const scale = half[bits16(bytes, at)]!;
    const fifthLow = bits16(bytes, at + 2);
    const fifthHigh = bits16(bytes, at + 4);
    for (let j = 0; j < 16; j++) {
      const pair = bytes[at + 6 + j]!;
      output[out + j] = scale * (((pair & 15) | (((fifthLow >> j) & 1) << 4)) - 16);
      output[out + j + 16] = scale * (((pair >> 4) | (((fifthHigh >> j) & 1) << 4)) - 16);
    }
  }
};

export const dequantizeQ51: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 24, out += 32) {
    const scale = half[bits16(bytes, at)]!;
    const minimum = half[bits16(bytes, at + 2)]!;
    const fifthLow = bits16(bytes, at + 4);
    const fifthHigh = bits16(bytes, at + 6);
    for (let j = 0; j < 16; j++) {
      const pair = bytes[at + 8 + j]!;
      const low = (pair & 15) | (((fifthLow >> j) & 1) << 4);
      const high = (pair >> 4) | (((fifthHigh >> j) & 1) << 4);
      output[out + j] = Math.fround(scale * low) + minimum;
      output[out + j + 16] = Math.fround(scale * high) + minimum;
    }
  }
};
