/**
 * Attention in which nobody looks to the right, without the scores that the mask would throw away: queries are taken in
 * blocks, and block i is multiplied with the keys up to its own end only. With n blocks (n + 1) / 2n of the scores are
 * computed; tiling the queries is that of FlashAttention (Dao et al., arXiv 2205.14135, section 3.1) with none of its memory
 * saving.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { attention, type ScoreSettings } from "./attention.ts";

/** Shorter blocks save more scores and cost more nodes. */
const TOKENS_PER_BLOCK = 128;
const MOST_BLOCKS = 8;

/** Ends of the query blocks, as even as whole tokens allow. */
export function blockEnds(tokens: number): number[] {
  const blocks = Math.max(1, Math.min(MOST_BLOCKS, Math.floor(tokens / TOKENS_PER_BLOCK)));
  return Array.from({ length: blocks }, (_, index) => Math.ceil((tokens * (index + 1)) / blocks));
}

/** The part of a bias that queries start..end look at, with keys up to `end`; broadcast axes stay as they are. */
export type BiasBlock = (start: number, end: number) => Value;

/** Cuts a bias [.., T or 1, S or 1] into blocks, each made once whoever asks. */
export function biasBlocks(bias: Value): BiasBlock {
  const made = new Map<number, Value>();
  const cut = (axis: number, start: number, end: number, from: Value): Value =>
    from.shape[axis] === 1 ? from : ops.slice(from, axis, start, end);
  return (start, end) => {
    let block = made.get(end);
    if (!block) {
      const axes = bias.shape.length;
      block = cut(axes - 1, 0, end, cut(axes - 2, start, end, bias));
      made.set(end, block);
    }
    return block;
  };
}

/**
 * As `attention` under a bias that masks every key to the right of its query (place in the row, not position id).
 *
 * @param q [B, N, T, D], T known
 * @param k [B, K, T, D]
 * @param v [B, K, T, D]
 * @returns [B, N, T, D]
 */
export function causalAttention(
  q: Value,
  k: Value,
  v: Value,
  bias: BiasBlock,
  dropoutProbability: number,
  settings: ScoreSettings,
): Value {
  const TOKENS = 2;
  const tokens = Number(q.shape[TOKENS]);
  const ends = blockEnds(tokens);
  if (ends.length === 1) return attention(q, k, v, bias(0, tokens), dropoutProbability, settings);
  const firstTokens = (x: Value, end: number): Value => (end === tokens ? x : ops.slice(x, TOKENS, 0, end));
  const starts = ends.map((_, index) => ends[index - 1] ?? 0);
  const queries = ops.split(
    q,
    TOKENS,
    ends.map((end, index) => end - starts[index]!),
  );
  const parts = ends.map((end, index) =>
    attention(
      queries[index]!,
      firstTokens(k, end),
      firstTokens(v, end),
      bias(starts[index]!, end),
      dropoutProbability,
      settings,
    ),
  );
  return ops.concat(parts, TOKENS);
}
