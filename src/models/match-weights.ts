/** Which tensors of a checkpoint a model takes, checked before any is read: a config.json of other sizes costs no memory. */
import { checkParameters, type ParameterSpecs } from "../nn/parameters.ts";
import { comesAsFloat32, type WeightSource } from "../weights/index.ts";

type WeightEntry = WeightSource["entries"] extends ReadonlyMap<string, infer Entry> ? Entry : never;

/**
 * Stored name to the model's own, for every tensor that the model takes.
 *
 * @param nameOf the model's name for a stored tensor; undefined for what it has no use for
 * @throws {TuttiError} WEIGHTS_MISMATCH naming the first missing, extra or misshapen tensor
 */
export function matchWeights(
  specs: ParameterSpecs,
  source: WeightSource,
  nameOf: (stored: string) => string | undefined,
): ReadonlyMap<string, string> {
  const matched = new Map<string, string>();
  const shapes: [string, WeightEntry][] = [];
  for (const [stored, entry] of source.entries) {
    const name = comesAsFloat32(entry) ? nameOf(stored) : undefined;
    if (name === undefined) continue;
    matched.set(stored, name);
    shapes.push([name, entry]);
  }
  checkParameters(specs, Object.fromEntries(shapes), source.path);
  return matched;
}
