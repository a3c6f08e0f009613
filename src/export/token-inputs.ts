/**
 * The inputs of exported models under the names and symbols that the ecosystem uses, and what a graph derives from an
 * attention mask: places in the row, positions, attention biases.
 *
 * B batch, T tokens, S keys (older ones and T); masks hold 1 for tokens and 0 for padding, on either side.
 */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { MASKED_BIAS } from "../nn/attention.ts";
import type { Dimension } from "../tensor/shape.ts";

export const BATCH = "batch_size";
export const TOKENS = "sequence_length";
export const OLDER = "past_sequence_length";

/** An integer input i32 [B, columns]. */
export const tokenInput = (graph: Graph, name: string, columns: Dimension = TOKENS): Value =>
  graph.input(name, "int32", [BATCH, columns]);

/** 0, 1, 2, ... in every row of x i32 [B, S]. */
export function placesOf(x: Value): Value {
  const ones = ops.add(ops.mul(x, ops.scalarLike(x, 0)), ops.scalarLike(x, 1));
  return ops.sub(ops.cumulativeSum(ones), ops.scalarLike(x, 1));
}

/** The number of tokens before each place of `mask` i32 [B, S]: positions that padding does not shift. */
export function positionsOf(mask: Value): Value {
  const zero = ops.scalarLike(mask, 0);
  const before = ops.sub(ops.cumulativeSum(mask), ops.scalarLike(mask, 1));
  return ops.where(ops.greater(before, zero), before, zero);
}

function biasWhere(isSeen: Value): Value {
  return ops.where(isSeen, isSeen.graph.scalar(0), isSeen.graph.scalar(MASKED_BIAS));
}

/** f32 [B, 1, 1, S]: 0 at tokens of `mask` i32 [B, S], {@link MASKED_BIAS} at padding. */
export function paddingBias(mask: Value): Value {
  const [batch, keys] = mask.shape;
  return biasWhere(ops.greater(ops.reshape(mask, [batch!, 1, 1, keys!]), ops.scalarLike(mask, 0)));
}

/** f32 [B, 1, T, S]: 0 where the key's place, i32 [B, S], is not behind the query's, i32 [B, T]. */
export function causalPlaceBias(queryPlaces: Value, keyPlaces: Value): Value {
  const [batch, queries] = queryPlaces.shape;
  const keys = keyPlaces.shape[1]!;
  return biasWhere(
    ops.greaterOrEqual(
      ops.reshape(queryPlaces, [batch!, 1, queries!, 1]),
      ops.reshape(keyPlaces, [batch!, 1, 1, keys]),
    ),
  );
}
