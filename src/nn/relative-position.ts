/**
 * Relative positions of T5 (arXiv 1910.10683, section 2.1): what attention adds to the score of a query and a key depends
 * on their distance only, through buckets that widen with it; one learned number a bucket and head.
 *
 * B batch, T queries, S keys, N heads.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";

export interface RelativePositionSettings {
  /** Buckets of both directions together; an even number. */
  readonly buckets: number;
  /** From this distance on, all share the last bucket. */
  readonly maxDistance: number;
  /** Whether keys after the query have buckets of their own, half of all; else they fall into that of distance 0. */
  readonly isBidirectional: boolean;
}

/**
 * The bucket of a key `distance` positions after its query. Half of a direction's n buckets hold one distance each, the
 * others grow: n/2 + log(d / (n/2)) / log(maxDistance / (n/2)) n/2, in float32 as the checkpoints were trained.
 */
export function relativePositionBucket(
  distance: number,
  { buckets, maxDistance, isBidirectional }: RelativePositionSettings,
): number {
  const count = isBidirectional ? buckets / 2 : buckets;
  const first = isBidirectional && distance > 0 ? count : 0;
  const away = isBidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(count / 2);
  if (away < exact) return first + away;
  const { fround } = Math;
  const share = fround(fround(Math.log(fround(away / exact))) / fround(Math.log(maxDistance / exact)));
  const wide = exact + Math.trunc(fround(share * (count - exact)));
  return first + Math.min(wide, count - 1);
}

/** x where it lies in lowest .. highest, else the nearer of the two. */
function clamp(x: Value, lowest: number, highest: number): Value {
  const [low, high] = [ops.scalarLike(x, lowest), ops.scalarLike(x, highest)];
  const below = ops.where(ops.greater(x, high), high, x);
  return ops.where(ops.greater(low, below), low, below);
}

/**
 * Bias on attention scores f32 [B, N, T, S]; a batch of 1 serves all rows alike.
 *
 * @param table f32 [buckets, N]
 * @param queryPositions i32 [B, T]
 * @param keyPositions i32 [B, S]
 */
export function relativePositionBias(
  table: Value,
  queryPositions: Value,
  keyPositions: Value,
  settings: RelativePositionSettings,
): Value {
  const { maxDistance, isBidirectional } = settings;
  const nearest = isBidirectional ? maxDistance : 0;
  const bucketOf = Int32Array.from({ length: maxDistance + nearest + 1 }, (_, index) =>
    relativePositionBucket(index - maxDistance, settings),
  );
  const byDistance = ops.gatherRows(table, table.graph.constant("int32", [bucketOf.length], bucketOf));
  const [queryRows, queries] = queryPositions.shape;
  const [keyRows, keys] = keyPositions.shape;
  const distance = ops.sub(
    ops.reshape(keyPositions, [keyRows!, 1, keys!]),
    ops.reshape(queryPositions, [queryRows!, queries!, 1]),
  );
  const clamped = clamp(distance, -maxDistance, nearest);
  const bias = ops.gatherRows(byDistance, ops.add(clamped, ops.scalarLike(clamped, maxDistance)));
  return ops.transpose(bias, [0, 3, 1, 2]);
}
