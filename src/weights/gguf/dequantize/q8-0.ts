/** Q8_0, blocks of 32 in 34 bytes: scale f16, 32 signed bytes; x = scale * q. */
import { float16Table } from "../../../tensor/float16.ts";
import { bits16, type Dequantize } from "./dequantize.ts";

export const dequantizeQ80: Dequantize = (bytes, output) => {
  const half = float16Table();
  for (let at = 0, out = 0; out < output.length; at += 34, out += 32) {
    const scale = half[bits16(bytes, at)]!;
    for (let j = 0; j < 32; j++) output[out + j] = scale * ((bytes[at + 2 + j]! << 24) >> 24);
  }
};
