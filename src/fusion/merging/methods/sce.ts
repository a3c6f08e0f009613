/** SCE: select the entries in which the models differ most, calculate weights from them, erase minority signs. */
import { type Selection, selectLargest } from "../largest.ts";
import type { MergeMethod, Piece } from "../pieces.ts";
import { mergeAgreeing } from "../sign-election.ts";
import { addScaled, createScratch } from "../weighted-sum.ts";
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

/** The population variance over the models of each entry, computed in float64, rounded to float32. */
function varianceOver(deltas: readonly Float32Array[], variance: Float32Array): void {
  const means = new Float64Array(variance.length);
  for (const delta of deltas) addScaled(means, delta, 1);
  for (let index = 0; index < means.length; index++) means[index]! /= deltas.length;
  const squares = new Float64Array(variance.length);
  for (const delta of deltas) addSquaredDistance(squares, delta, means);
  for (let index = 0; index < squares.length; index++) variance[index] = squares[index]! / deltas.length;
}

function addSquaredDistance(squares: Float64Array, values: Float32Array, means: Float64Array): void {
  for (let index = 0; index < values.length; index++) {
    const distance = values[index]! - means[index]!;
    squares[index]! += distance * distance;
  }
}

/** Makes of a piece its D_k with zero where nothing is selected. */
function selector(models: number, selection: Selection, variances: (piece: Piece) => Float32Array) {
  const scratch = createScratch(models);
  return (piece: Piece): readonly Float32Array[] => {
    const variance = variances(piece);
    const kept = scratch(variance.length);
    selection.keep(variance, piece.start, piece.models, kept);
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
        const scratch = createScratch(1);
        const variances = (piece: Piece): Float32Array => {
          const [variance] = scratch(piece.base.length) as [Float32Array];
          varianceOver(piece.models, variance);
          return variance;
        };
        const [selection] = await selectLargest(
          1,
          (visit) => scan((piece) => visit([variances(piece)])),
          (_, nonZero) => Math.floor(density * nonZero),
        );
        selected = selector(models, selection!, variances);
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
