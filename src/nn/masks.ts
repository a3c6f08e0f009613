/** Attention biases: 0 where a query may look, {@link MASKED_BIAS} or less where not. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { type Float32Tensor, float32, type HostTensor } from "../tensor/host-tensor.ts";
import { MASKED_BIAS } from "./attention.ts";

/** Places of queries minus places of keys, i32 [B, 1, T, S]. */
function distances(queryPositions: Value, keyPositions: Value): Value {
  const [batch, queries] = queryPositions.shape;
  return ops.sub(
    ops.reshape(queryPositions, [batch!, 1, queries!, 1]),
    ops.reshape(keyPositions, [batch!, 1, 1, keyPositions.shape[1]!]),
  );
}

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
  const distance = distances(queryPositions, keyPositions);
  const isOutside = ops.greaterOrEqual(distance, ops.scalarLike(distance, window));
  const masked = ops.where(isOutside, ops.scalarLike(bias, MASKED_BIAS), ops.scalarLike(bias, 0));
  return ops.add(bias, masked);
}

/**
 * `bias` with keys more than `reach` positions from their query masked too, on either side (Longformer's window,
 * arXiv 2004.05150, section 3.1; ModernBERT, arXiv 2412.13663, section 2.1).
 *
 * @param bias f32, broadcasts to [B, heads, T, T]
 * @param positions i32 [B, T]
 * @returns f32, broadcasts to [B, heads, T, T]
 */
export function localWindowBias(bias: Value, positions: Value, reach: number): Value {
  const distance = distances(positions, positions);
  const [masked, seen] = [ops.scalarLike(bias, MASKED_BIAS), ops.scalarLike(bias, 0)];
  const isBehind = ops.greater(distance, ops.scalarLike(distance, reach));
  const isBefore = ops.greater(ops.scalarLike(distance, -reach), distance);
  return ops.add(bias, ops.where(isBehind, masked, ops.where(isBefore, masked, seen)));
}

/**
 * Bias f32 [B, 1, 1, T] under which every query sees every token and no padding.
 *
 * @param attentionMask [B, T], 1 for tokens and 0 for padding
 */
export function paddingBias(attentionMask: HostTensor): Float32Tensor {
  const [batch, tokens] = attentionMask.shape as [number, number];
  const bias = Float32Array.from(attentionMask.data, (isToken) => (isToken ? 0 : MASKED_BIAS));
  return float32([batch, 1, 1, tokens], bias);
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
