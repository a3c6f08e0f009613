/** Makes layers use a weight in its quantised form; see quantize.ts for the form. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { adaptLinear, adaptLookUp } from "./linear-adaptation.ts";
import type { WeightBits } from "./quantize.ts";

/** The arrays of a quantised matrix [O, I] as values of a graph. */
export interface QuantizedValues {
  readonly bits: WeightBits;
  readonly block: number;
  /** uint8 [O, I / block, block * bits / 8] */
  readonly packed: Value;
  /** f32 [O * I / block] */
  readonly scales: Value;
  /** uint8 [O * I / block * bits / 8], rows padded to whole bytes */
  readonly zeros: Value;
  /** f32 [O, I / block]; absent where all are 0 */
  readonly offsets: Value | undefined;
}

/** Sums of x [..., I] over blocks, [..., I / block]. */
export type BlockSums = (x: Value, block: number) => Value;

/** Block sums of one graph; products that read the same x share them. */
export function createBlockSums(): BlockSums {
  const known = new Map<Value, Value>();
  return (x, block) => {
    const before = known.get(x);
    if (before) return before;
    const blocks = Number(x.shape.at(-1)) / block;
    const leading = x.shape.slice(0, -1);
    const split = ops.reshape(x, [...leading, blocks, block]);
    const sums = ops.reshape(ops.reduceSum(split, [-1]), [...leading, blocks]);
    known.set(x, sums);
    return sums;
  };
}

/** From now on `lookUp` reads rows of `weight` from its 8-bit form. */
export function lookUpQuantized(weight: Value, { packed, scales, zeros, block }: QuantizedValues): void {
  adaptLookUp(weight, (ids) => ops.quantizedGatherRows(ids, packed, scales, zeros, block));
}

/** From now on `linear` multiplies by the quantised form of `weight`. */
export function multiplyQuantized(weight: Value, values: QuantizedValues, blockSums: BlockSums): void {
  const { bits, block, packed, scales, zeros, offsets } = values;
  adaptLinear(weight, (x) => {
    const product = ops.quantizedMatmul(x, packed, scales, zeros, { bits, block });
    if (!offsets) return product;
    // sum_i x_i (... + offset of i's block) = ... + sum over blocks of offset x (sum of x in the block)
    return ops.add(product, ops.matmul(blockSums(x, block), offsets, { transposeB: true }));
  });
}
