/**
 * Q4_K and Q5_K, blocks of 256: scale f16, scale of the minima f16, 12 bytes with eight 6-bit scales and minima.
 * x = (d * scale) * q - (dmin * minimum), one scale and minimum per 32 elements.
 *
 * Q4_K, 144 bytes: 128 bytes of quants. Each 64 elements share 32 bytes: low halves first, then high halves.
 * Q5_K, 176 bytes: 32 bytes of fifth bits (bit g of byte l: element l of the g-th group of 32), then quants as in Q4_K.
 */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

/** The 6-bit scale of group j: whole bytes for the first four, split between two bytes for the others. */
function scaleOf(bytes: Uint8Array, at: number, j: number): number {
  return j < 4 ? bytes[at + j]! & 63 : (bytes[at + j + 4]! & 15) | ((bytes[at + j - 4]! >> 6) << 4);
}

function minimumOf(bytes: Uint8Array, at: number, j: number): number {
  return j < 4 ? bytes[at + j + 4]! & 63 : (bytes[at + j + 4]! >> 4) | ((bytes[at + j]! >> 6) << 4);
}

export const dequantizeQ4K: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 144, out += 256) {
    const d = half[bits16(bytes, at)]!;
    const dmin = half[bits16(bytes, at + 2)]!;
    for (let group = 0; group < 8; group++) {
      const scale = Math.fround(d * scaleOf(bytes, at + 4, group));
      const minimum = Math.fround(dmin * minimumOf(bytes, at + 4, group));
      const quants = at + 16 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      const start = out + group * 32;
      for (let l = 0; l < 32; l++) {
        output[start + l] = Math.fround(scale * ((bytes[quants + l]! >> shift) & 15)) - minimum;
      }
    }
  }
};

export const dequantizeQ5K: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 176, out += 256) {
    const d = half[bits16(bytes, at)]!;
    const dmin = half[bits16(bytes, at + 2)]!;
    for (let group = 0; group < 8; group++) {
      const scale = Math.fround(d * scaleOf(bytes, at + 4, group));
      const minimum = Math.fround(dmin * minimumOf(bytes, at + 4, group));
      const fifth = at + 16;
      const quants = at + 48 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      const start = out + group * 32;
      for (let l = 0; l < 32; l++) {
        const q = ((bytes[quants + l]! >> shift) & 15) | (((bytes[fifth + l]! >> group) & 1) << 4);
        output[start + l] = Math.fround(scale * q) - minimum;
      }
    }
  }
};
