/** Rotary position embedding of a graph: tables made once, turned by at every layer. */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { type RotarySettings, rotaryAttentionFactor, rotaryFrequencies } from "./rotary-frequencies.ts";

/** Turns x [B, heads, T, D] to its positions. */
export type Rotate = (x: Value) => Value;

/**
 * The rotation to `positionIds` i32 [B, T], all below `positions`. Angles are rounded to float32 as in PyTorch.
 *
 * The tables are constants of 8 x positions x D/2 bytes in the graph: ask for no more positions than will be fed,
 * but, where T is symbolic, for no fewer than tokens will be: ONNX Runtime's kernel wants a table row per token.
 */
export function rotaryEmbedding(
  settings: RotarySettings,
  headWidth: number,
  positionIds: Value,
  positions: number,
): Rotate {
  const frequencies = rotaryFrequencies(settings, headWidth, positions);
  const factor = rotaryAttentionFactor(settings);
  const tokens = positionIds.shape[1]!;
  const rows = typeof tokens === "number" ? Math.max(positions, tokens) : positions;
  const table = (f: (angle: number) => number): Value => {
    const { length } = frequencies;
    const data = new Float32Array(rows * length);
    for (let position = 0; position < rows; position++) {
      for (let i = 0; i < length; i++) {
        data[position * length + i] = factor * f(Math.fround(position * frequencies[i]!));
      }
    }
    return graph.constant("float32", [rows, length], data);
  };
  const graph: Graph = positionIds.graph;
  const [cosine, sine] = [table(Math.cos), table(Math.sin)];
  return (x) => ops.rotaryEmbedding(x, positionIds, cosine, sine);
}
