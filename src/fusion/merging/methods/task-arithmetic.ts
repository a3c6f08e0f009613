/** Task arithmetic: the base plus the weighted sum of the models' task vectors. */
import type { MergeMethod } from "../pieces.ts";
import { addWeighted, scaledWeights } from "../weighted-sum.ts";

/**
 * theta = theta_base + lambda sum_k w_k D_k, with D_k = theta_k - theta_base; divided by sum_k w_k where normalised.
 *
 * @see Editing models with task arithmetic, arXiv 2212.04089
 */
export function taskArithmeticMerge(
  weights: readonly number[],
  options: { readonly isNormalised: boolean; readonly scale: number },
): MergeMethod {
  const scaled = scaledWeights(weights, options.scale, options.isNormalised);
  return {
    reads: "task vectors",
    async prepare() {
      return ({ base, models }, merged) => addWeighted(base, models, scaled, merged);
    },
  };
}
