/**
 * Q3_K, blocks of 256 in 110 bytes: 32 bytes of high bits, 64 bytes of low quants laid out as in Q2_K, 12 bytes with
 * sixteen 6-bit scales, scale f16. x = d * (scale - 32) * q, with q = low two bits, minus 4 where the high bit is clear.
 *
 * Bit g of high byte l belongs to element l of the g-th group of 32. Scale j has its low four bits in byte j mod 8 of
 * the twelve (low half for j < 8, else high half) and its upper two in byte 8 + j mod 4, at bit 2 * floor(j / 4).
 */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

export const dequantizeQ3K: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 110, out += 256) {
    const d = half[bits16(bytes, at + 108)]!;
    const scales = at + 96;
    for (let group = 0; group < 16; group++) {
      const low = (bytes[scales + (group & 7)]! >> (group < 8 ? 0 : 4)) & 15;
      const upper = (bytes[scales + 8 + (group & 3)]! >> (2 * (group >> 2))) & 3;
      const scale = Math.fround(d * ((low | (upper << 4)) - 32));
      const high = at + (group & 1) * 16;
      const quants = at + 32 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = ((group >> 1) & 3) * 2;
      const highBit = group >> 1;
      const start = out + group * 16;
      for (let l = 0; l < 16; l++) {
        const isHigh = (bytes[high + l]! >> highBit) & 1;
        output[start + l] = scale * (((bytes[quants + l]! >> shift) & 3) - 4 + 4 * isHigh);
      }
    }
  }
};
