/** Attention biases: 0 where a query may look, {@link MASKED_BIAS} or less where not. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { type Float32Tensor, float32, type HostTensor } from "../tensor/host-tensor.ts";
import { MASKED_BIAS } from "./attention.ts";

/**
 * `bias` with keys `window` or more positions behind their query masked too: a query sees itself and the
 * window - 1 positions before it (Mistral 7B, arXiv 2310.06825, section 2).
 *
 * @param bias f32, broadcasts to [B, heads, T, S]
 * @param queryPositions i32 [B, T]
 * @param keyPositions i32 [B, S]
 * @returns f32, broadcasts to [B, heads, T, S]
 */
export function slidingWindowBias(
  bias: Value,
  queryPositions: Value,
  keyPositions: Value,
  window: number,
): Value {
  const [batch, queries] = queryPositions.shape;
  const keys = keyPositions.shape[1]!;
  const distance = ops.sub(
    ops.reshape(queryPositions, [batch!, 1, queries!, 1]),
    ops.reshape(keyPositions, [batch!, 1, 1, keys]),
  );
  const isOutside = ops.greaterOrEqual(distance, ops.scalarLike(distance, window));
  const masked = ops.where(isOutside, ops.scalarLike(bias, MASKED_BIAS), ops.scalarLike(bias, 0));
  return ops.add(bias, masked);
}

/**
 * Causal bias f32 [B, 1, T, T]: key j is seen by query i when j <= i and j is a token.
 *
 * @param attentionMask [B, T], 1 for tokens and 0 for padding, on either side
 */
export function causalBias(attentionMask: HostTensor): Float32Tensor {
  const [batch, tokens] = attentionMask.shape as [number, number];
  const bias = new Float32Array(batch * tokens * tokens).fill(MASKED_BIAS);
  for (let row = 0; row < batch; row++) {
    for (let query = 0; query < tokens; query++) {
      for (let key = 0; key <= query; key++) {
        if (attentionMask.data[row * tokens + key]) bias[(row * tokens + query) * tokens + key] = 0;
      }
    }
  }
  return float32([batch, 1, tokens, tokens], bias);
}

/**
 * Bias f32 [B, 1, 1, T] under which every query sees all tokens of its row and no padding.
 *
 * @param attentionMask [B, T], 1 for tokens and 0 for padding
 */
export function paddingBias(attentionMask: HostTensor): Float32Tensor {
  const [batch, tokens] = attentionMask.shape as [number, number];
  const bias = Float32Array.from(attentionMask.data, (isToken) => (isToken ? 0 : MASKED_BIAS));
  return float32([batch, 1, 1, tokens], bias);
}
