/** Electing a sign for every parameter and merging the task vectors that agree with it (TIES, and the erase step of SCE). */
import { addScaled, usableDivisor } from "./weighted-sum.ts";

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
 * sum_k e_k D_k, plus where that is zero. A D_k of zero agrees with neither sign. Without normalisation, and where the weights
 * that agree cancel, there is no divisor. Sums are float64.
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
  const balance = new Float64Array(base.length);
  const sums = new Float64Array(base.length);
  const divisors = new Float64Array(base.length);
  for (const [model, delta] of deltas.entries()) addScaled(balance, delta, votes[model]!);
  for (const [model, delta] of deltas.entries())
    addAgreeing(balance, delta, votes[model]!, weights[model]!, sums, divisors);
  for (let index = 0; index < base.length; index++) {
    const divisor = isNormalised ? usableDivisor(divisors[index]!) : 1;
    merged[index] = base[index]! + (scale * sums[index]!) / divisor;
  }
}

/**
 * Adds w_k m_k D_k to the sums and w_k m_k to the divisors. Signs of task vectors are as good as random, and a branch on them is
 * guessed wrongly every other time, so that m_k is computed from the bits: those of the sign of both numbers, and whether
 * D_k is zero.
 */
function addAgreeing(
  balance: Float64Array,
  delta: Float32Array,
  vote: number,
  weight: number,
  sums: Float64Array,
  divisors: Float64Array,
): void {
  if (vote === 0) return;
  const bits = new Int32Array(delta.buffer, delta.byteOffset, delta.length);
  const balanceWords = new Int32Array(balance.buffer, balance.byteOffset, 2 * balance.length);
  const turned = vote < 0 ? 1 : 0;
  for (let index = 0; index < delta.length; index++) {
    const isOpposed = (bits[index]! >>> 31) ^ (balanceWords[2 * index + 1]! >>> 31) ^ turned;
    const isNonZero = (0 - (bits[index]! & 0x7fffffff)) >>> 31;
    const agreed = weight * (isNonZero & (isOpposed ^ 1));
    sums[index]! += agreed * delta[index]!;
    divisors[index]! += agreed;
  }
}
