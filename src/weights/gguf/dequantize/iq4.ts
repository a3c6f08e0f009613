/**
 * 4-bit types with unevenly spaced values: a quant is an index into sixteen levels.
 *
 * IQ4_NL, blocks of 32 in 18 bytes: scale f16, quants laid out as in Q4_0; x = scale * level[q].
 * IQ4_XS, blocks of 256 in 136 bytes: scale f16, upper scale bits u16, 4 bytes of low scale bits, 8 groups of 16 bytes
 * of quants laid out as in Q4_0; x = (d * (scale - 32)) * level[q], one 6-bit scale per group of 32.
 */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

const LEVELS = Float32Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

function decodeGroup(bytes: Uint8Array, at: number, scale: number, output: Float32Array, out: number): void {
  for (let j = 0; j < 16; j++) {
    const pair = bytes[at + j]!;
    output[out + j] = scale * LEVELS[pair & 15]!;
    output[out + j + 16] = scale * LEVELS[pair >> 4]!;
  }
}

export const dequantizeIQ4NL: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 18, out += 32) {
    decodeGroup(bytes, at + 2, half[bits16(bytes, at)]!, output, out);
  }
};

export const dequantizeIQ4XS: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 136, out += 256) {
    const d = half[bits16(bytes, at)]!;
    const upper = bits16(bytes, at + 2);
    for (let group = 0; group < 8; group++) {
      const low = (bytes[at + 4 + (group >> 1)]! >> ((group & 1) * 4)) & 15;
      const scale = (low | (((upper >> (2 * group)) & 3) << 4)) - 32;
      decodeGroup(bytes, at + 8 + group * 16, Math.fround(d * scale), output, out + group * 32);
    }
  }
};
