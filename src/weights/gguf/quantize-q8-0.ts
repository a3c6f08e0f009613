/**
 * Rounding to Q8_0: per block of 32, scale = max |x| / 127 stored as f16, q = x / scale rounded to nearest, halves away
 * from zero. Float32 after every step, which gives the bytes of the reference quantiser.
 */
import { encodeFloat16 } from "../../tensor/float16.ts";

const BLOCK_ELEMENTS = 32;
const BLOCK_BYTES = 34;

/** @param values a whole number of blocks of finite numbers */
export function quantizeQ80(values: Float32Array): Uint8Array {
  const blocks = values.length / BLOCK_ELEMENTS;
  const scales = new Float32Array(blocks);
  const bytes = new Uint8Array(blocks * BLOCK_BYTES);
  for (let block = 0; block < blocks; block++) {
    const start = block * BLOCK_ELEMENTS;
    let largest = 0;
    for (let j = 0; j < BLOCK_ELEMENTS; j++) largest = Math.max(largest, Math.abs(values[start + j]!));
    const scale = Math.fround(largest / 127);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const quants = block * BLOCK_BYTES + 2;
    for (let j = 0; j < BLOCK_ELEMENTS; j++) {
      const exact = Math.fround(values[start + j]! * inverse);
      const magnitude = Math.floor(Math.abs(exact) + 0.5);
      bytes[quants + j] = exact < 0 ? -magnitude : magnitude;
    }
  }
  const scaleBits = encodeFloat16(scales);
  for (let block = 0; block < blocks; block++) {
    bytes[block * BLOCK_BYTES] = scaleBits[block]! & 255;
    bytes[block * BLOCK_BYTES + 1] = scaleBits[block]! >> 8;
  }
  return bytes;
}
