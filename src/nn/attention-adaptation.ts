/**
 * How inference replaces attention: a bias of a graph may carry another way to compute the attention under it. Models
 * are built unchanged; whoever makes the bias, and knows what it says, decides.
 */
import type { Value } from "../graph/ir.ts";
import type { ScoreSettings } from "./attention.ts";

/** From q [B, N, T, D], k and v [B, K, S, D] to their mixture [B, N, T, D]; undefined where it does not apply. */
export type AttentionAdaptation = (
  q: Value,
  k: Value,
  v: Value,
  settings: ScoreSettings,
) => Value | undefined;

const adaptations = new WeakMap<Value, AttentionAdaptation>();

/** Sets how `attention` without dropout is computed under `bias` from now on. */
export function adaptAttention(bias: Value, adaptation: AttentionAdaptation): void {
  adaptations.set(bias, adaptation);
}

export function attentionAdaptationOf(bias: Value): AttentionAdaptation | undefined {
  return adaptations.get(bias);
}
