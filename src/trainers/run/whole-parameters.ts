/** A model in training as it would be written: its own parameters, with an adapter merged into them. */
import { type LoraConfig, mergeLora, type ParameterSpecs, type Parameters } from "../../nn/index.ts";
import { float32 } from "../../tensor/host-tensor.ts";

/**
 * Without an adapter the parameters themselves; with one copies, since the parameters of a run stay what its checkpoint says they
 * are.
 *
 * @param specs what the model has, an adapter not included
 * @param all of the run: the model's, and an adapter's
 */
export function wholeParameters(
  specs: ParameterSpecs,
  all: Parameters,
  adapter: LoraConfig | undefined,
): Parameters {
  const own = Object.fromEntries(Object.keys(specs).map((name) => [name, all[name]!]));
  if (!adapter) return own;
  const copies = Object.fromEntries(
    Object.entries(own).map(([name, { shape, data }]) => [name, float32(shape, data.slice())]),
  );
  mergeLora(copies, specs, all, adapter);
  return copies;
}
