/** How a generation graph gets its weights: large ones are fed, small ones and quantised ones are part of the graph. */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { adaptLinear, adaptLookUp } from "../nn/linear-adaptation.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/parameters.ts";
import type { Float32Tensor } from "../tensor/host-tensor.ts";
import type { QuantizedMatrix } from "./quantize.ts";

/** The weights of a model as they are kept for generation. */
export interface GenerationWeights {
  /** Float32 weights by name. */
  readonly plain: ReadonlyMap<string, Float32Tensor>;
  /** Matrices in few bits. */
  readonly quantized: ReadonlyMap<string, QuantizedMatrix>;
}

/** Vectors go into the graph: feeding each of them costs more than using it. */
const isSmall = ({ shape }: Float32Tensor): boolean => shape.length < 2;

/** The tensors to feed with every run: those that {@link declareWeights} declares as inputs of the live graph. */
export function fedWeights(weights: GenerationWeights): Record<string, Float32Tensor> {
  return Object.fromEntries([...weights.plain].filter(([, tensor]) => !isSmall(tensor)));
}

/** Values of all weights; `linear` and `lookUp` use the quantised form where there is one. */
export function declareWeights(
  graph: Graph,
  specs: ParameterSpecs,
  weights: GenerationWeights,
): ParameterValues {
  const values = new Map<string, Value>();
  const blockSums = createBlockSums();
  const declare = (name: string): Value => {
    const plain = weights.plain.get(name);
    const value =
      plain && isSmall(plain)
        ? graph.constant("float32", plain.shape, plain.data)
        : graph.parameter(name, specs[name]!.shape);
    const quantized = weights.quantized.get(name);
    if (quantized) useQuantized(graph, value, quantized, blockSums);
    return value;
  };
  return (name) => {
    const value = values.get(name) ?? declare(name);
    values.set(name, value);
    return value;
  };
}

/** Sums of x [..., I] over blocks, [..., I / block]; products that read the same x share them. */
function createBlockSums(): (x: Value, block: number) => Value {
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

function useQuantized(
  graph: Graph,
  weight: Value,
  { bits, block, packed, scales, zeros, offsets, shape }: QuantizedMatrix,
  blockSums: (x: Value, block: number) => Value,
): void {
  const [outputs, inputs] = shape;
  const blocks = inputs / block;
  const values = {
    packed: graph.constant("uint8", [outputs, blocks, (block * bits) / 8], packed),
    scales: graph.constant("float32", [scales.length], scales),
    zeros: graph.constant("uint8", [zeros.length], zeros),
  };
  const shift = offsets && graph.constant("float32", [outputs, blocks], offsets);
  if (bits === 8) {
    adaptLookUp(weight, (ids) =>
      ops.quantizedGatherRows(ids, values.packed, values.scales, values.zeros, block),
    );
  }
  adaptLinear(weight, (x) => {
    const product = ops.quantizedMatmul(x, values.packed, values.scales, values.zeros, { bits, block });
    if (!shift) return product;
    // sum_i x_i (... + offset of i's block) = ... + sum over blocks of offset x (sum of x in the block)
    return ops.add(product, ops.matmul(blockSums(x, block), shift, { transposeB: true }));
  });
}
