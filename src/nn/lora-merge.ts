/** Folding an adapter into the weights it adapts, and taking it out again. */
import { assert } from "../support/errors.ts";
import { type LoraConfig, linearSizes, loraModules, loraNames, loraScale, rowNorms } from "./lora.ts";
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
    addProduct(weight, specs, adapter, module, config, 1);
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
        addProduct(weight, specs, adapter, module, config, -1);
      }
    },
  };
}

/** W += sign s B A, turned where W is stored [inputs, outputs]. */
function addProduct(
  weight: Float32Array,
  specs: ParameterSpecs,
  adapter: Parameters,
  module: string,
  config: LoraConfig,
  sign: 1 | -1,
): void {
  const names = loraNames(module, config);
  const a = adapter[names.a]!;
  const b = adapter[names.b]!.data;
  const { rank } = config;
  const spec = specs[`${module}.weight`]!;
  const { outputs, inputs } = linearSizes(spec);
  const [outputStride, inputStride] = spec.isInputsFirst ? [1, outputs] : [inputs, 1];
  const scale = sign * loraScale(config);
  const sums = new Float64Array(inputs);
  for (let output = 0; output < outputs; output++) {
    sums.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = b[output * rank + k]!;
      for (let input = 0; input < inputs; input++) sums[input]! += factor * a.data[k * inputs + input]!;
    }
    for (let input = 0; input < inputs; input++) {
      weight[output * outputStride + input * inputStride]! += scale * sums[input]!;
    }
  }
}

function scaleRows(matrix: Float32Array, factors: Float32Array): void {
  const columns = matrix.length / factors.length;
  for (let index = 0; index < matrix.length; index++) matrix[index]! *= factors[Math.floor(index / columns)]!;
}
