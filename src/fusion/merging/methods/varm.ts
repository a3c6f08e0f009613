/** VaRM, the merging of FuseChat's first version: each matrix merged with weights of its own, by variation ratio. */
import type { MergeMethod } from "../pieces.ts";
import { addWeighted } from "../weighted-sum.ts";
import { variationWeights } from "./variation-weights.ts";

/**
 * theta = theta_base + sum_k w_k D_k, with the w_k of {@link variationWeights} of this tensor.
 *
 * @see FuseChat, arXiv 2402.16107, section 3.3
 */
export function varmMerge(models: number, weightFloor: number): MergeMethod {
  return {
    reads: "task vectors",
    async prepare({ scan, elements }) {
      const weights = await variationWeights(models, elements, weightFloor, (visit) =>
        scan((piece) => visit(piece.models)),
      );
      return (piece, merged) => addWeighted(piece.base, piece.models, weights, merged);
    },
  };
}
