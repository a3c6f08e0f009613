/** Element types of GGUF tensors: number in the file, block size, and the decoder where there is one. */
import { assert } from "../../support/errors.ts";
import type { Dequantize } from "./dequantize/dequantize.ts";
import { dequantizeIQ4NL, dequantizeIQ4XS } from "./dequantize/iq4.ts";
import { dequantizeBF16, dequantizeF16, dequantizeF32 } from "./dequantize/plain.ts";
import { dequantizeQ2K } from "./dequantize/q2-k.ts";
import { dequantizeQ3K } from "./dequantize/q3-k.ts";
import { dequantizeQ40, dequantizeQ41 } from "./dequantize/q4.ts";
import { dequantizeQ4K, dequantizeQ5K } from "./dequantize/q4-q5-k.ts";
import { dequantizeQ50, dequantizeQ51 } from "./dequantize/q5.ts";
import { dequantizeQ6K } from "./dequantize/q6-k.ts";
import { dequantizeQ80 } from "./dequantize/q8-0.ts";

export interface GgufTensorType {
  /** As the file spells it. */
  readonly id: number;
  readonly name: string;
  /** Elements per block; the last dimension is a multiple of it. */
  readonly blockElements: number;
  readonly blockBytes: number;
  /** Absent: the type is known, so that files are checked in full, but its values cannot be read here. */
  readonly dequantize?: Dequantize;
}

function type(
  id: number,
  name: string,
  blockElements: number,
  blockBytes: number,
  dequantize?: Dequantize,
): GgufTensorType {
  return { id, name, blockElements, blockBytes, ...(dequantize ? { dequantize } : {}) };
}

const TYPES: readonly GgufTensorType[] = [
  type(0, "F32", 1, 4, dequantizeF32),
  type(1, "F16", 1, 2, dequantizeF16),
  type(2, "Q4_0", 32, 18, dequantizeQ40),
  type(3, "Q4_1", 32, 20, dequantizeQ41),
  type(6, "Q5_0", 32, 22, dequantizeQ50),
  type(7, "Q5_1", 32, 24, dequantizeQ51),
  type(8, "Q8_0", 32, 34, dequantizeQ80),
  type(9, "Q8_1", 32, 36),
  type(10, "Q2_K", 256, 84, dequantizeQ2K),
  type(11, "Q3_K", 256, 110, dequantizeQ3K),
  type(12, "Q4_K", 256, 144, dequantizeQ4K),
  type(13, "Q5_K", 256, 176, dequantizeQ5K),
  type(14, "Q6_K", 256, 210, dequantizeQ6K),
  type(15, "Q8_K", 256, 292),
  type(16, "IQ2_XXS", 256, 66),
  type(17, "IQ2_XS", 256, 74),
  type(18, "IQ3_XXS", 256, 98),
  type(19, "IQ1_S", 256, 50),
  type(20, "IQ4_NL", 32, 18, dequantizeIQ4NL),
  type(21, "IQ3_S", 256, 110),
  type(22, "IQ2_S", 256, 82),
  type(23, "IQ4_XS", 256, 136, dequantizeIQ4XS),
  type(24, "I8", 1, 1),
  type(25, "I16", 1, 2),
  type(26, "I32", 1, 4),
  type(27, "I64", 1, 8),
  type(28, "F64", 1, 8),
  type(29, "IQ1_M", 256, 56),
  type(30, "BF16", 1, 2, dequantizeBF16),
  type(34, "TQ1_0", 256, 54),
  type(35, "TQ2_0", 256, 66),
  type(39, "MXFP4", 32, 17),
];

const BY_ID = new Map(TYPES.map((entry) => [entry.id, entry]));

export function tensorTypeById(id: number): GgufTensorType | undefined {
  return BY_ID.get(id);
}

const BY_NAME = new Map(TYPES.map((entry) => [entry.name, entry]));

/** The type of a name that came from this table. */
export function tensorTypeByName(name: string): GgufTensorType {
  const found = BY_NAME.get(name);
  assert(found, `no GGUF tensor type ${name}`);
  return found;
}

/** Names of the types whose values can be read. */
export const READABLE_TYPES: readonly string[] = TYPES.filter(({ dequantize }) => dequantize).map(
  ({ name }) => name,
);
