/** Reading a model's weights for inference: one tensor at a time, quantised at once where few bits are asked for. */
import type { ParameterSpecs } from "../nn/parameters.ts";
import { canQuantize, type QuantizedMatrix, quantizeMatrix, type WeightBits } from "../nn/quantize.ts";
import type { WeightUses } from "../nn/weight-uses.ts";
import type { InferenceWeights } from "../nn/weight-values.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import type { WeightSource } from "../weights/index.ts";
import { matchWeights } from "./match-weights.ts";

/** What is to be read, and how the model's graph uses it. */
export interface WeightPlan {
  readonly specs: ParameterSpecs;
  /** The model's name for a stored tensor; undefined for what it has no use for. */
  readonly nameOf: (stored: string) => string | undefined;
  /** Asked for only where few bits are wanted. */
  readonly uses: () => WeightUses & {
    /** The output projection, which may be the embedding. */
    readonly head?: string;
  };
}

/** GGUF types of more than four bits: storing them in four would lose what the file holds. */
const FINER_TYPE = /^Q[568]/;

/** Of finer types, of tables, and of the output projection, whose errors reach the logits undamped. */
const FINER_BITS = 8;

/** The bits that a weight is stored in. */
function bitsOf(
  tensor: Float32Tensor,
  name: string,
  type: unknown,
  uses: ReturnType<WeightPlan["uses"]>,
  bits: WeightBits,
): WeightBits | 32 {
  if (!canQuantize(tensor) || uses.others.has(name)) return 32;
  if (name === uses.head || uses.tables.has(name)) return FINER_BITS;
  if (!uses.products.has(name)) return 32;
  return FINER_TYPE.test(String(type)) ? FINER_BITS : bits;
}

export interface ReadWeightsOptions {
  /** Bits of matrices; 32 keeps float32. */
  readonly bits: WeightBits | 32;
  readonly onTensor?: (done: number, total: number) => void;
}

/**
 * The weights that a plan names. With few bits, matrices that stand in products x W^T and embedding tables become blocks
 * of integers; tables, the output projection and what a GGUF file holds in more than 4 bits always of 8.
 *
 * @throws {TuttiError} WEIGHTS_MISMATCH, and what the reader of the format throws
 */
export function readInferenceWeights(
  plan: WeightPlan,
  source: WeightSource,
  { bits, onTensor }: ReadWeightsOptions,
): InferenceWeights {
  const matched = matchWeights(plan.specs, source, plan.nameOf);
  const uses = bits === 32 ? undefined : plan.uses();
  const plain = new Map<string, Float32Tensor>();
  const quantized = new Map<string, QuantizedMatrix>();
  let done = 0;
  for (const [stored, name] of matched) {
    onTensor?.(done++, matched.size);
    const { shape, data } = source.read(stored);
    const tensor = float32(shape, data as Float32Array);
    const entry = source.entries.get(stored)!;
    const type = "type" in entry ? entry.type : undefined;
    const stays = uses && bits !== 32 ? bitsOf(tensor, name, type, uses, bits) : 32;
    if (stays === 32) plain.set(name, tensor);
    else quantized.set(name, quantizeMatrix(tensor, stays));
  }
  onTensor?.(matched.size, matched.size);
  return { plain, quantized };
}

/** Error of all quantised matrices together: square root of squared errors over squared weights; 0 without any. */
export function quantizationError({ quantized }: InferenceWeights): number {
  let [errors, energies] = [0, 0];
  for (const { squaredError, squaredNorm } of quantized.values()) {
    errors += squaredError;
    energies += squaredNorm;
  }
  return energies === 0 ? 0 : Math.sqrt(errors / energies);
}

/** Bytes that the weights take. */
export function weightBytes({ plain, quantized }: InferenceWeights): number {
  let bytes = 0;
  for (const { data } of plain.values()) bytes += data.byteLength;
  for (const { packed, scales, zeros, offsets } of quantized.values())
    bytes += packed.byteLength + scales.byteLength + zeros.byteLength + (offsets?.byteLength ?? 0);
  return bytes;
}
