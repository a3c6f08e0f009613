/** Noise on embeddings in training. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { adaptLookUp } from "./linear-adaptation.ts";
import type { ParameterValues } from "./parameters.ts";

/** The same parameters, but `noise` f32 [B, T, H] is added to the rows [B, T, H] that are looked up in the table `name`. */
export function withEmbeddingNoise(parameters: ParameterValues, name: string, noise: Value): ParameterValues {
  return (wanted) => {
    const value = parameters(wanted);
    if (wanted === name) adaptLookUp(value, (ids, table) => ops.add(ops.gatherRows(table, ids), noise));
    return value;
  };
}

/**
 * NEFTune's bound on the noise of each element: alpha / sqrt(L H) for a sequence of L tokens of width H (Jain et al.,
 * arXiv 2310.05914, algorithm 1).
 */
export function neftuneBound(alpha: number, tokens: number, width: number): number {
  return alpha / Math.sqrt(tokens * width);
}
