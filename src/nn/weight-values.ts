/** How an inference graph gets its weights: as inputs fed with every run, or, baked in, as part of the graph. */
import type { Graph, Value } from "../graph/ir.ts";
import type { Float32Tensor } from "../tensor/host-tensor.ts";
import type { ParameterSpecs, ParameterValues } from "./parameters.ts";
import type { QuantizedMatrix } from "./quantize.ts";
import { type BlockSums, createBlockSums, lookUpQuantized, multiplyQuantized } from "./quantized-weights.ts";

/** The weights of a model as they are kept for inference. */
export interface InferenceWeights {
  /** Float32 weights by name. */
  readonly plain: ReadonlyMap<string, Float32Tensor>;
  /** Matrices in few bits; always part of the graph. */
  readonly quantized: ReadonlyMap<string, QuantizedMatrix>;
}

/**
 * Which float32 weights are part of the graph. "vectors": feeding each of them costs more than using it. "all": the
 * runtime lays matrices out for its kernels once, and holds them itself.
 */
export type BakedWeights = "vectors" | "all";

const isBaked = ({ shape }: Float32Tensor, baked: BakedWeights): boolean =>
  baked === "all" || shape.length < 2;

/** The tensors to feed with every run: those that {@link declareWeights} declares as inputs of the live graph. */
export function fedWeights(
  weights: InferenceWeights,
  baked: BakedWeights = "vectors",
): Record<string, Float32Tensor> {
  return Object.fromEntries([...weights.plain].filter(([, tensor]) => !isBaked(tensor, baked)));
}

/** Values of all weights; `linear` and `lookUp` use the quantised form where there is one. */
export function declareWeights(
  graph: Graph,
  specs: ParameterSpecs,
  weights: InferenceWeights,
  baked: BakedWeights = "vectors",
): ParameterValues {
  const values = new Map<string, Value>();
  const blockSums = createBlockSums();
  const declare = (name: string): Value => {
    const plain = weights.plain.get(name);
    const value =
      plain && isBaked(plain, baked)
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
