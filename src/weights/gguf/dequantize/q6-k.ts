/**
 * Q6_K, blocks of 256 in 210 bytes: 128 bytes of low four bits, 64 bytes of upper two bits, 16 signed 8-bit scales,
 * scale f16. x = (d * scale) * (q - 32), one scale per 16 elements.
 *
 * Each half of 128 elements is four groups of 32. Groups 0 and 1 are the low halves of two runs of 32 low bytes, groups
 * 2 and 3 the high halves of the same; upper byte l holds the upper bits of element l of the four groups.
 */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

export const dequantizeQ6K: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 210, out += 256) {
    const d = half[bits16(bytes, at + 208)]!;
    for (let group = 0; group < 16; group++) {
      const scale = Math.fround(d * ((bytes[at + 192 + group]! << 24) >> 24));
      const quarter = (group >> 1) & 3;
      const part = (group & 1) * 16;
      const low = at + (group >> 3) * 64 + (quarter & 1) * 32 + part;
      const lowShift = (quarter >> 1) * 4;
      const upper = at + 128 + (group >> 3) * 32 + part;
      const upperShift = quarter * 2;
      const start = out + group * 16;
      for (let l = 0; l < 16; l++) {
        const q = ((bytes[low + l]! >> lowShift) & 15) | (((bytes[upper + l]! >> upperShift) & 3) << 4);
        output[start + l] = scale * (q - 32);
      }
    }
  }
};
