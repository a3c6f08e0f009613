/** In which order settings are tried. */
import { permutation, streamOf } from "../../tensor/random.ts";
import { describeSetting, type Setting, type TunableMethod } from "./tunable-method.ts";

export interface PlannedSetting {
  readonly method: TunableMethod;
  readonly setting: Setting;
  /** See {@link describeSetting}. */
  readonly name: string;
}

/**
 * Every method's default first, in the order of `methods`, then all other settings shuffled by the seed.
 *
 * @param prompts size of the smallest training set
 */
export function planSettings(
  methods: readonly TunableMethod[],
  prompts: number,
  seed: number,
): PlannedSetting[] {
  const planned = (method: TunableMethod, setting: Setting): PlannedSetting => ({
    method,
    setting,
    name: describeSetting(method.name, setting),
  });
  const defaults: PlannedSetting[] = [];
  const others: PlannedSetting[] = [];
  for (const method of methods) {
    for (const [index, setting] of method.grid(prompts).entries())
      (index === 0 ? defaults : others).push(planned(method, setting));
  }
  const order = permutation(others.length, { seed, stream: streamOf("tuning order") });
  return [...defaults, ...Array.from(order, (index) => others[index]!)];
}
