/**
 * Basic layers as functions that build graph. B batch, T tokens, H width in, F width out.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { adaptationOf, lookUpAdaptationOf } from "./linear-adaptation.ts";
import type { ParameterSpecs } from "./parameters.ts";
import { matrix, type ParameterValues, vector } from "./parameters.ts";

/**
 * x [..., H] -> x W^T + b [..., F]; W [F, H] and b [F] as in torch.nn.Linear. An adaptation of W (LoRA) changes the
 * product before the bias is added.
 */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  const plain = ops.matmul(x, weight, { transposeB: true });
  const product = adaptationOf(weight)?.(x, weight, plain) ?? plain;
  return bias ? ops.add(product, bias) : product;
}

/** Rows of an embedding table [V, H] by ids i32 [...] -> [..., H]; an adaptation of the table replaces the lookup. */
export function lookUp(table: Value, ids: Value): Value {
  return lookUpAdaptationOf(table)?.(ids, table) ?? ops.gatherRows(table, ids);
}

/** The linear layer stored under `${name}.weight` and `${name}.bias`. */
export function namedLinear(parameters: ParameterValues, name: string, x: Value): Value {
  return linear(x, parameters(`${name}.weight`), parameters(`${name}.bias`));
}

export function linearSpecs(
  name: string,
  inputs: number,
  outputs: number,
  normalStd: number,
): ParameterSpecs {
  return { [`${name}.weight`]: matrix(outputs, inputs, normalStd), [`${name}.bias`]: vector(outputs, 0) };
}

/** The layer norm stored under `${name}.weight` and `${name}.bias`. */
export function namedLayerNorm(parameters: ParameterValues, name: string, x: Value, epsilon: number): Value {
  return ops.layerNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), epsilon);
}

export function layerNormSpecs(name: string, width: number): ParameterSpecs {
  return { [`${name}.weight`]: vector(width, 1), [`${name}.bias`]: vector(width, 0) };
}

/**
 * Dropout: each element is zeroed with the given probability and the rest scaled by 1 / (1 - probability).
 * The mask comes from the runner's counter-based generator (Srivastava et al., JMLR 2014). 0 builds nothing.
 */
export function dropout(x: Value, probability: number): Value {
  if (probability === 0) return x;
  return ops.maskedScale(x, x.graph.keepMask(x.shape, probability), 1 / (1 - probability));
}
