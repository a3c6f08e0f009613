/** DARE: drop random entries of each task vector and rescale the rest, then merge as task arithmetic or TIES do. */
import { fillKeepMask, type RandomKey, streamOf } from "../../../tensor/random.ts";
import type { MergedTensor, MergeMethod, Piece } from "../pieces.ts";
import { mergeAgreeing } from "../sign-election.ts";
import { addWeighted, createScratch, scaledWeights } from "../weighted-sum.ts";

export const DARE_RESCALES = ["density", "l1", "none"] as const;

export interface DareOptions {
  /** Probability with which an entry is kept, exact to 2^-16. */
  readonly density: number;
  /**
   * What the kept entries are multiplied by: 1 / density, as in the paper; what gives the task vector the L1 norm that it had, as
   * in mergekit; or nothing.
   */
  readonly rescale: (typeof DARE_RESCALES)[number];
  readonly seed: number;
  readonly isNormalised: boolean;
  /** lambda */
  readonly scale: number;
}

/** The masks of a tensor: a pure function of seed, tensor name, model number and element. */
function dropper(
  name: string,
  models: number,
  { density, seed }: DareOptions,
): (piece: Piece) => Float32Array[] {
  const keys = Array.from({ length: models }, (_, model): RandomKey => {
    return { seed, stream: streamOf(`${model}/${name}`) };
  });
  const scratch = createScratch(models);
  let mask = new Uint8Array(0);
  return ({ start, base, models: deltas }) => {
    const kept = scratch(base.length);
    if (mask.length !== base.length) mask = new Uint8Array(base.length);
    for (let model = 0; model < models; model++) {
      fillKeepMask(mask, 1 - density, keys[model]!, 0, start / 4);
      applyMask(deltas[model]!, mask, kept[model]!);
    }
    return kept;
  };
}

function applyMask(delta: Float32Array, mask: Uint8Array, kept: Float32Array): void {
  for (let index = 0; index < mask.length; index++) kept[index] = mask[index]! * delta[index]!;
}

const absoluteSum = (values: Float32Array): number => {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += Math.abs(values[index]!);
  return sum;
};

function multiply(values: Float32Array, factor: number): void {
  for (let index = 0; index < values.length; index++) values[index]! *= factor;
}

/** Below, a norm is zero. */
const LEAST_NORM = 1e-7;

async function rescales(
  { scan }: MergedTensor,
  models: number,
  drop: (piece: Piece) => Float32Array[],
  { density, rescale }: DareOptions,
): Promise<number[]> {
  if (rescale !== "l1") return new Array<number>(models).fill(rescale === "none" ? 1 : 1 / density);
  const before = new Float64Array(models);
  const after = new Float64Array(models);
  await scan((piece) => {
    const kept = drop(piece);
    for (let model = 0; model < models; model++) {
      before[model]! += absoluteSum(piece.models[model]!);
      after[model]! += absoluteSum(kept[model]!);
    }
  });
  return Array.from(before, (norm, model) => {
    return norm < LEAST_NORM || after[model]! < LEAST_NORM ? 1 : norm / after[model]!;
  });
}

/**
 * D'_k = r_k b_k D_k with b_k ~ Bernoulli(density) for every entry, and r_k the rescale; then theta = theta_base + lambda sum_k
 * w_k D'_k (`consensus` "none"), or {@link mergeAgreeing} over the D'_k ("signs").
 *
 * @see Language models are super Mario, arXiv 2311.03099, section 3
 */
export function dareMerge(
  consensus: "none" | "signs",
  weights: readonly number[],
  options: DareOptions,
): MergeMethod {
  const { isNormalised, scale } = options;
  return {
    reads: "task vectors",
    async prepare(tensor) {
      const drop = dropper(tensor.name, weights.length, options);
      const factors = await rescales(tensor, weights.length, drop, options);
      if (consensus === "none") {
        const scaled = scaledWeights(weights, scale, isNormalised);
        const counted = scaled.map((weight, model) => weight * factors[model]!);
        return (piece, merged) => addWeighted(piece.base, drop(piece), counted, merged);
      }
      const election = { votes: weights, weights, isNormalised, scale };
      return (piece, merged) => {
        const kept = drop(piece);
        for (const [model, values] of kept.entries()) multiply(values, factors[model]!);
        mergeAgreeing(piece.base, kept, election, merged);
      };
    },
  };
}
