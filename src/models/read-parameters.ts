/** Parameters of a model from open weights. */
import type { ParameterSpecs, Parameters } from "../nn/parameters.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import type { WeightSource } from "../weights/index.ts";
import { matchWeights } from "./match-weights.ts";

/**
 * Reads what `specs` declare; half precision and quantised types come as float32.
 *
 * @param nameOf the model's name for a stored tensor; undefined for what it has no use for
 * @throws {TuttiError} WEIGHTS_MISMATCH naming the first missing, extra or misshapen tensor
 */
export function readParameters(
  specs: ParameterSpecs,
  source: WeightSource,
  nameOf: (stored: string) => string | undefined,
): Parameters {
  const parameters: Record<string, Float32Tensor> = {};
  for (const [stored, name] of matchWeights(specs, source, nameOf)) {
    const { shape, data } = source.read(stored);
    parameters[name] = float32(shape, data as Float32Array);
  }
  return parameters;
}
