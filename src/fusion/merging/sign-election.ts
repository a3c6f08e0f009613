/** Electing a sign for every parameter and merging the task vectors that agree with it (TIES, and the erase step of SCE). */

export interface Election {
  /** e_k: what a model's vote counts. */
  readonly votes: readonly number[];
  /** w_k: what its value counts. */
  readonly weights: readonly number[];
  /** Whether the sum is divided by the weights of those that agree. */
  readonly isNormalised: boolean;
  /** lambda, by which the merged task vector is multiplied. */
  readonly scale: number;
}

/**
 * merged = base + lambda sum_k w_k m_k D_k / sum_k w_k m_k, where m_k = [sign(e_k D_k) = s] and s is the sign of
 * sum_k e_k D_k, plus where that is zero. A D_k of zero agrees with neither sign. Without normalisation, and where the divisor is
 * zero, there is none. Sums are float64.
 *
 * @param deltas D_k, the task vectors of a piece
 * @see TIES-Merging, arXiv 2306.01708, section 3; SCE, arXiv 2408.07990, section 3.3
 */
export function mergeAgreeing(
  base: Float32Array,
  deltas: readonly Float32Array[],
  { votes, weights, isNormalised, scale }: Election,
  merged: Float32Array,
): void {
  for (let index = 0; index < base.length; index++) {
    let balance = 0;
    for (let model = 0; model < deltas.length; model++) balance += votes[model]! * deltas[model]![index]!;
    const sign = balance >= 0 ? 1 : -1;
    let sum = 0;
    let divisor = 0;
    for (let model = 0; model < deltas.length; model++) {
      const delta = deltas[model]![index]!;
      if (sign * votes[model]! * delta > 0) {
        sum += weights[model]! * delta;
        divisor += weights[model]!;
      }
    }
    merged[index] = base[index]! + scale * (isNormalised && divisor !== 0 ? sum / divisor : sum);
  }
}
