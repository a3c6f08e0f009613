/** Linear merging: the weighted mean of the models' weights (model soups). */
import type { MergeMethod } from "../pieces.ts";
import { addScaled, divide } from "../weighted-sum.ts";

/**
 * theta = sum_k w_k theta_k, divided by sum_k w_k where normalised. Sums are float64. The base has no part in it.
 *
 * @see Model soups, arXiv 2203.05482
 */
export function linearMerge(weights: readonly number[], isNormalised: boolean): MergeMethod {
  const divisor = isNormalised ? weights.reduce((sum, weight) => sum + weight, 0) : 1;
  return {
    reads: "models",
    async prepare() {
      return ({ models }, merged) => {
        const sums = new Float64Array(merged.length);
        for (const [model, values] of models.entries()) addScaled(sums, values, weights[model]!);
        divide(sums, divisor, merged);
      };
    },
  };
}
