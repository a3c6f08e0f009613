/**
 * One vector of a sequence's hidden states, as a product with weights that are made on the host: which tokens count,
 * and for how much, then costs no operator of its own.
 *
 * B batch, T tokens, H hidden size.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { type Float32Tensor, float32, type HostTensor } from "../tensor/host-tensor.ts";

/** Sums over tokens: weights f32 [B, 1, T] and hidden f32 [B, T, H] -> [B, H]. */
export function pooledTokens(hidden: Value, weights: Value): Value {
  const [batch, , width] = hidden.shape;
  return ops.reshape(ops.matmul(weights, hidden), [batch!, width!]);
}

function weightsOf(mask: HostTensor, weigh: (row: Float32Array, isToken: readonly boolean[]) => void) {
  const [batch, tokens] = mask.shape as [number, number];
  const weights = new Float32Array(batch * tokens);
  for (let row = 0; row < batch; row++) {
    const isToken = Array.from(mask.data.subarray(row * tokens, (row + 1) * tokens), (value) => value !== 0);
    weigh(weights.subarray(row * tokens, (row + 1) * tokens), isToken);
  }
  return float32([batch, 1, tokens], weights);
}

/**
 * f32 [B, 1, T]: 1 at each row's first token, at the first place of a row of padding only.
 *
 * @param attentionMask [B, T], 1 for tokens and 0 for padding
 */
export function firstTokenWeights(attentionMask: HostTensor): Float32Tensor {
  return weightsOf(attentionMask, (row, isToken) => {
    row[Math.max(isToken.indexOf(true), 0)] = 1;
  });
}

/**
 * f32 [B, 1, T]: equal weights at each row's tokens that add up to 1, zeros in a row of padding only.
 *
 * @param attentionMask [B, T], 1 for tokens and 0 for padding
 */
export function meanTokenWeights(attentionMask: HostTensor): Float32Tensor {
  return weightsOf(attentionMask, (row, isToken) => {
    const count = isToken.filter(Boolean).length;
    for (const [index, isCounted] of isToken.entries()) if (isCounted) row[index] = 1 / count;
  });
}
