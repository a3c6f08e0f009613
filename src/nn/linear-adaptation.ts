/**
 * How adapters and quantised weights reach layers: a weight of a graph may carry an adaptation, which `linear` applies
 * to its product and `lookUp` to its rows. Models are built unchanged; whoever looks parameters up decides what is
 * adapted.
 */
import type { Value } from "../graph/ir.ts";

/** From x [..., H], W [F, H] and x W^T [..., F] to the adapted product [..., F]. */
export type LinearAdaptation = (x: Value, weight: Value, product: Value) => Value;

const adaptations = new WeakMap<Value, LinearAdaptation>();

/** Sets, replaces or (undefined) removes what `linear` does with products of `weight` from now on. */
export function adaptLinear(weight: Value, adaptation: LinearAdaptation | undefined): void {
  if (adaptation) adaptations.set(weight, adaptation);
  else adaptations.delete(weight);
}

export function adaptationOf(weight: Value): LinearAdaptation | undefined {
  return adaptations.get(weight);
}

/** From ids i32 [...] and a table [V, H] to rows [..., H]. */
export type LookUpAdaptation = (ids: Value, table: Value) => Value;

const lookUps = new WeakMap<Value, LookUpAdaptation>();

/** Sets what `lookUp` does with rows of `table` from now on. */
export function adaptLookUp(table: Value, adaptation: LookUpAdaptation): void {
  lookUps.set(table, adaptation);
}

export function lookUpAdaptationOf(table: Value): LookUpAdaptation | undefined {
  return lookUps.get(table);
}
