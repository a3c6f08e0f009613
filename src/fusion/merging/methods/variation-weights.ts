/** Weights of models by how far they have moved from the base: the ratios of their mean squared task vectors. */
import { sumOfSquares } from "../weighted-sum.ts";

/**
 * w_k = q_k / sum_j q_j, with q_k the mean of D_k^2 over the tensor; all equal where the sum is 0, or below `floor`.
 *
 * @param scan calls `visit` with the pieces of the D_k; squares are summed in float64
 * @see FuseChat, arXiv 2402.16107 (VaRM) and 2408.07990 (SCE, step "calculate")
 */
export async function variationWeights(
  models: number,
  elements: number,
  floor: number,
  scan: (visit: (deltas: readonly Float32Array[]) => void) => Promise<void>,
): Promise<number[]> {
  const squares = new Float64Array(models);
  await scan((deltas) => {
    for (let model = 0; model < models; model++) squares[model]! += sumOfSquares(deltas[model]!);
  });
  const means = Array.from(squares, (square) => square / Math.max(1, elements));
  const total = means.reduce((sum, mean) => sum + mean, 0);
  return means.map((mean) => (total > 0 && total >= floor ? mean / total : 1 / models));
}
