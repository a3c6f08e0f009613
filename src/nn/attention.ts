/**
 * Scaled dot-product attention with grouped key/value heads and an arbitrary additive bias.
 *
 * softmax(q k^T / sqrt(D) + bias) v; Vaswani et al., arXiv 1706.03762, eq. 1; grouped queries: arXiv 2305.13245;
 * soft-capped scores: Gemma 2, arXiv 2408.00118, section 2.
 * B batch, T tokens, N query heads, K key/value heads, D head width.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { scaleDimension } from "../tensor/shape.ts";
import { attentionAdaptationOf } from "./attention-adaptation.ts";
import { dropout } from "./layers.ts";

/** A finite stand-in for minus infinity: a fully masked row gives even weights instead of NaN. */
export const MASKED_BIAS = -1e9;

/** [B, T, N*D] -> [B, N, T, D] */
export function splitHeads(x: Value, heads: number): Value {
  const [batch, tokens, width] = x.shape;
  return ops.transpose(ops.reshape(x, [batch!, tokens!, heads, Number(width) / heads]), [0, 2, 1, 3]);
}

/** Queries, keys and values of one projection: [B, T, 3*N*D] -> three of [B, N, T, D] */
export function splitFusedHeads(fused: Value, heads: number): readonly [Value, Value, Value] {
  const width = Number(fused.shape[2]) / 3;
  const [q, k, v] = ops.split(fused, -1, [width, width, width]);
  return [splitHeads(q!, heads), splitHeads(k!, heads), splitHeads(v!, heads)];
}

/** [B, N, T, D] -> [B, T, N*D] */
export function mergeHeads(x: Value): Value {
  const [batch, heads, tokens, headWidth] = x.shape;
  return ops.reshape(ops.transpose(x, [0, 2, 1, 3]), [batch!, tokens!, Number(heads) * Number(headWidth)]);
}

/** cap tanh(x / cap): nearly x while small, never beyond +-cap. Undefined caps nothing. */
export function softCap(x: Value, cap: number | undefined): Value {
  if (cap === undefined) return x;
  return ops.mul(ops.tanh(ops.mul(x, ops.scalarLike(x, 1 / cap))), ops.scalarLike(x, cap));
}

export interface ScoreSettings {
  /** Factor on q k^T; 1 / sqrt(D) when absent. */
  readonly scale?: number;
  /** Cap on the scaled scores, before the bias; none when absent. */
  readonly softcap?: number | undefined;
}

/**
 * @param q [B, N, T, D]
 * @param k [B, K, S, D], N a multiple of K
 * @param v [B, K, S, D]
 * @param bias broadcasts to [B, N, T, S]; 0 where a query may look, {@link MASKED_BIAS} where not. An adaptation of it
 *   replaces the computation.
 * @returns [B, N, T, D]
 */
export function attention(
  q: Value,
  k: Value,
  v: Value,
  bias: Value,
  dropoutProbability = 0,
  settings: ScoreSettings = {},
): Value {
  const adapted = dropoutProbability === 0 && attentionAdaptationOf(bias)?.(q, k, v, settings);
  return adapted || q.graph.region("attention", () => mix(q, k, v, bias, dropoutProbability, settings));
}

function mix(
  q: Value,
  k: Value,
  v: Value,
  bias: Value,
  dropoutProbability: number,
  { scale, softcap }: ScoreSettings,
): Value {
  const [batch, heads, tokens, headWidth] = q.shape;
  const [, keyHeads, keyTokens] = k.shape;
  const isGrouped = heads !== keyHeads;
  // Queries that share a key/value head lie next to one another: one taller product instead of repeated keys.
  const groupedTokens = isGrouped ? scaleDimension(tokens!, Number(heads) / Number(keyHeads)) : tokens!;
  const grouped = ops.reshape(q, [batch!, keyHeads!, groupedTokens, headWidth!]);
  const alpha = scale ?? 1 / Math.sqrt(Number(headWidth));
  const scores = ops.matmul(grouped, k, { transposeB: true, alpha });
  const scoresPerHead = softCap(ops.reshape(scores, [batch!, heads!, tokens!, keyTokens!]), softcap);
  const weights = dropout(ops.softmax(ops.add(scoresPerHead, bias)), dropoutProbability);
  const mixed = ops.matmul(ops.reshape(weights, [batch!, keyHeads!, groupedTokens, keyTokens!]), v);
  return ops.reshape(mixed, q.shape);
}
