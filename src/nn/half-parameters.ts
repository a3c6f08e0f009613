/** Frozen parameters in half the memory: IEEE 754 binary16, whose 11 significant bits hold a bfloat16's 8. */
import { decodeFloat16, encodeFloat16 } from "../tensor/float16.ts";
import { float32 } from "../tensor/host-tensor.ts";
import type { HalfParameters, Parameters } from "./parameters.ts";

/** The largest finite number. */
const LARGEST = 65_504;

export interface NarrowedParameters {
  /** What stays in float32. */
  readonly parameters: Parameters;
  readonly half: HalfParameters;
  /** Root of the squared rounding errors over the squared values, of what was narrowed; 0 when nothing was. */
  readonly relativeError: number;
}

/**
 * Moves parameters to half precision, each rounded to the nearest number: a relative error of at most 2^-11, and of
 * 2^-25 absolutely below 2^-14. A tensor with a number beyond +-65504, an infinity or a NaN stays in float32.
 *
 * The float32 arrays are let go of by whoever holds `parameters`.
 */
export function narrowParameters(parameters: Parameters, names: Iterable<string>): NarrowedParameters {
  const kept: Record<string, Parameters[string]> = { ...parameters };
  const half: Record<string, HalfParameters[string]> = {};
  let [errors, energies] = [0, 0];
  for (const name of names) {
    const tensor = parameters[name];
    if (!tensor?.data.every((value) => Math.abs(value) <= LARGEST)) continue;
    const data = encodeFloat16(tensor.data);
    const rounded = decodeFloat16(data);
    for (let index = 0; index < data.length; index++) {
      const value = tensor.data[index]!;
      errors += (rounded[index]! - value) ** 2;
      energies += value * value;
    }
    half[name] = { dtype: "float16", shape: tensor.shape, data };
    delete kept[name];
  }
  return { parameters: kept, half, relativeError: energies === 0 ? 0 : Math.sqrt(errors / energies) };
}

/** The values that a graph computes with, in float32. */
export function widenParameters(half: HalfParameters): Parameters {
  return Object.fromEntries(
    Object.entries(half).map(([name, { shape, data }]) => [name, float32(shape, decodeFloat16(data))]),
  );
}
