/** How a generation graph gets its weights: large ones are fed, small ones and quantised ones are part of the graph. */
import type { Graph, Value } from "../graph/ir.ts";
import type { ParameterSpecs, ParameterValues } from "../nn/parameters.ts";
import type { QuantizedMatrix } from "../nn/quantize.ts";
import {
  type BlockSums,
  createBlockSums,
  lookUpQuantized,
  multiplyQuantized,
} from "../nn/quantized-weights.ts";
import type { Float32Tensor } from "../tensor/host-tensor.ts";

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

function useQuantized(
  graph: Graph,
  weight: Value,
  { bits, block, packed, scales, zeros, offsets, shape }: QuantizedMatrix,
  blockSums: BlockSums,
): void {
  const [outputs, inputs] = shape;
  const blocks = inputs / block;
  const values = {
    bits,
    block,
    packed: graph.constant("uint8", [outputs, blocks, (block * bits) / 8], packed),
    scales: graph.constant("float32", [scales.length], scales),
    zeros: graph.constant("uint8", [zeros.length], zeros),
    offsets: offsets && graph.constant("float32", [outputs, blocks], offsets),
  };
  if (bits === 8) lookUpQuantized(weight, values);
  multiplyQuantized(weight, values, blockSums);
}
