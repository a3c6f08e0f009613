/**
 * Q2_K, blocks of 256 in 84 bytes: 16 bytes with a 4-bit scale (low) and minimum (high) per 16 elements, 64 bytes of
 * quants, scale f16, scale of the minima f16. x = (d * scale) * q - (dmin * minimum).
 *
 * Each half of 128 elements has 32 bytes of quants; byte l holds elements l, l + 32, l + 64, l + 96, two bits each.
 */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

export const dequantizeQ2K: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 84, out += 256) {
    const d = half[bits16(bytes, at + 80)]!;
    const dmin = half[bits16(bytes, at + 82)]!;
    for (let group = 0; group < 16; group++) {
      const packed = bytes[at + group]!;
      const scale = Math.fround(d * (packed & 15));
      const minimum = Math.fround(dmin * (packed >> 4));
      const quants = at + 16 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = ((group >> 1) & 3) * 2;
      const start = out + group * 16;
      for (let l = 0; l < 16; l++) {
        output[start + l] = Math.fround(scale * ((bytes[quants + l]! >> shift) & 3)) - minimum;
      }
    }
  }
};
