/** What every decoder of a GGUF element type is. */

/**
 * Decodes whole blocks to float32, rounding after every step as the reference decoder does.
 *
 * @param bytes the blocks, one after another
 * @param output receives their elements; its length says how many blocks there are
 */
export type Dequantize = (bytes: Uint8Array, output: Float32Array) => void;

/** The 16 bits at `offset`, little-endian: blocks are not aligned. */
export function bits16(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8);
}
