/** SCE: select the entries in which the models differ most, calculate weights from them, erase minority signs. */
import { Bits } from "../bits.ts";
import { keepTaken, type Selection, selectLargest } from "../largest.ts";
import type { MergeMethod, Piece } from "../pieces.ts";
import { mergeAgreeing } from "../sign-election.ts";
import { addScaled, createScratch, divide } from "../weighted-sum.ts";
import { variationWeights } from "./variation-weights.ts";

export const SCE_READINGS = ["upstream", "fork"] as const;

export interface SceOptions {
  /** tau: share of the entries of non-zero variance that is selected; 1 selects all. */
  readonly density: number;
  /**
   * "upstream", as in the paper and in mergekit: what is not selected does not change. "fork", as in the authors' own code: the
   * selection decides on the weights only, and every entry is merged.
   */
  readonly reading: (typeof SCE_READINGS)[number];
  /** Sum of mean squares below which all weights are equal. */
  readonly weightFloor: number;
}

/** What computes the variance of pieces; the array is used again for the next one. */
function createVariance(): (deltas: readonly Float32Array[]) => Float32Array {
  let sums: Float64Array[] = [];
  let variance = new Float32Array(0);
  return (deltas) => {
    const { length } = deltas[0]!;
    if (variance.length !== length) {
      sums = [new Float64Array(length), new Float64Array(length)];
      variance = new Float32Array(length);
    }
    varianceOver(deltas, sums[0]!, sums[1]!, variance);
    return variance;
  };
}

/** The population variance over the models of each entry, computed in float64, rounded to float32. */
function varianceOver(
  deltas: readonly Float32Array[],
  means: Float64Array,
  squares: Float64Array,
  variance: Float32Array,
): void {
  means.fill(0);
  for (const delta of deltas) addScaled(means, delta, 1);
  divide(means, deltas.length, means);
  squares.fill(0);
  for (const delta of deltas) addSquaredDistance(squares, delta, means);
  divide(squares, deltas.length, variance);
}

function addSquaredDistance(squares: Float64Array, values: Float32Array, means: Float64Array): void {
  for (let index = 0; index < values.length; index++) {
    const distance = values[index]! - means[index]!;
    squares[index]! += distance * distance;
  }
}

/**
 * What makes of a piece its D_k with zero where nothing is selected. Variances cost more than all else: the first pass over the tensor
 * writes a bit for each element, the passes after it read those.
 */
function createSelector(
  models: number,
  elements: number,
  selection: Selection,
  varianceOf: ReturnType<typeof createVariance>,
) {
  const scratch = createScratch(models);
  const selected = new Bits(elements);
  let seen = 0;
  return ({ start, models: deltas }: Piece): readonly Float32Array[] => {
    const { length } = deltas[0]!;
    if (start === seen) {
      selected.write(start, selection.take(varianceOf(deltas), start));
      seen += length;
    }
    const taken = selected.read(start, length);
    const kept = scratch(length);
    for (const [model, delta] of deltas.entries()) keepTaken(delta, taken, kept[model]!);
    return kept;
  };
}

/**
 * Of each tensor, with D_k = theta_k - theta_base:
 * 1. Select: the int(tau c) entries of largest variance over k are kept, c the number of entries with a variance; ties from
 *    the first on. 2. Calculate: w_k by {@link variationWeights} of what was kept. 3. Erase and merge: {@link mergeAgreeing}, votes
 * counting 1, values counting w_k.
 *
 * @see FuseChat, arXiv 2408.07990, section 3.3
 */
export function sceMerge(models: number, { density, reading, weightFloor }: SceOptions): MergeMethod {
  const votes = new Array<number>(models).fill(1);
  return {
    reads: "task vectors",
    async prepare({ scan, elements }) {
      const whole = (piece: Piece): readonly Float32Array[] => piece.models;
      let selected = whole;
      if (density < 1) {
        const varianceOf = createVariance();
        const [selection] = await selectLargest(
          1,
          (visit) => scan((piece) => visit([varianceOf(piece.models)])),
          (_, nonZero) => Math.floor(density * nonZero),
        );
        selected = createSelector(models, elements, selection!, varianceOf);
      }
      const weights = await variationWeights(models, elements, weightFloor, (visit) =>
        scan((piece) => visit(selected(piece))),
      );
      const election = { votes, weights, isNormalised: true, scale: 1 };
      const used = reading === "fork" ? whole : selected;
      return (piece, merged) => mergeAgreeing(piece.base, used(piece), election, merged);
    },
  };
}
