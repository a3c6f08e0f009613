/** Folding an adapter into the weights it adapts, and taking it out again. */
import { assert } from "../support/errors.ts";
import { type LoraConfig, loraModules, loraNames, loraScale, rowNorms } from "./lora.ts";
import type { ParameterSpecs, Parameters } from "./parameters.ts";

export interface MergedLora {
  /** Subtracts what was merged, to rounding; the adapter's parameters must be as they were. Once only. */
  unmerge(): void;
}

/**
 * Merges in place of `base`: W + s B A, for DoRA m / |W + s B A| (W + s B A) row by row. The merged model computes
 * what the adapted one does, without dropout, to rounding.
 *
 * @param adapter holds the adapter's parameters under their full names
 */
export function mergeLora(
  base: Parameters,
  specs: ParameterSpecs,
  adapter: Parameters,
  config: LoraConfig,
): MergedLora {
  const modules = loraModules(specs, config);
  const factors = new Map<string, Float32Array>();
  for (const module of modules) {
    const weight = base[`${module}.weight`]!.data;
    addProduct(weight, adapter, module, config, 1);
    if (!config.usesDora) continue;
    const magnitude = adapter[loraNames(module, config).magnitude]!.data;
    const norms = rowNorms(weight, magnitude.length);
    const factor = magnitude.map((value, row) => value / norms[row]!);
    scaleRows(weight, factor);
    factors.set(module, factor);
  }
  let isMerged = true;
  return {
    unmerge() {
      assert(isMerged, "an adapter is unmerged once");
      isMerged = false;
      for (const module of modules) {
        const weight = base[`${module}.weight`]!.data;
        const factor = factors.get(module);
        if (factor) {
          scaleRows(
            weight,
            factor.map((value) => 1 / value),
          );
        }
        addProduct(weight, adapter, module, config, -1);
      }
    },
  };
}

/** W += sign s B A. */
function addProduct(
  weight: Float32Array,
  adapter: Parameters,
  module: string,
  config: LoraConfig,
  sign: 1 | -1,
): void {
  const names = loraNames(module, config);
  const a = adapter[names.a]!;
  const b = adapter[names.b]!.data;
  const [rank, columns] = a.shape as [number, number];
  const scale = sign * loraScale(config);
  const sums = new Float64Array(columns);
  for (let row = 0; row * columns < weight.length; row++) {
    sums.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = b[row * rank + k]!;
      for (let column = 0; column < columns; column++)
        sums[column]! += factor * a.data[k * columns + column]!;
    }
    for (let column = 0; column < columns; column++) weight[row * columns + column]! += scale * sums[column]!;
  }
}

function scaleRows(matrix: Float32Array, factors: Float32Array): void {
  const columns = matrix.length / factors.length;
  for (let index = 0; index < matrix.length; index++) matrix[index]! *= factors[Math.floor(index / columns)]!;
}
