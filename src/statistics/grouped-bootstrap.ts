/** A mean with its percentile bootstrap interval where items come in groups, such as the prompts of repeated trainings. */
import { RandomStream, streamOf } from "../tensor/random.ts";
import { type BootstrapEstimate, type BootstrapSettings, meanOf } from "./bootstrap.ts";
import { percentileInterval } from "./interval.ts";

/**
 * The mean of the groups' means. A resample draws groups, and then items within each drawn group, both with replacement: the
 * interval holds what changes from group to group (a training's seed) and from item to item (a test prompt).
 *
 * Paired where items are differences. With few groups it is too narrow: of n groups, the spread of resampled means is
 * sqrt((n - 1) / n) of what it should be.
 *
 * @param groups of at least one item each
 * @param name keeps the random numbers of different estimates apart
 * @see Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8
 */
export function groupedBootstrap(
  groups: readonly (readonly number[])[],
  name: string,
  { samples = 1000, seed = 0 }: BootstrapSettings = {},
): BootstrapEstimate {
  const value = meanOf(groups.map(meanOf));
  if (groups.length === 0) return { value, interval: [Number.NaN, Number.NaN] };
  const stream = new RandomStream({ seed, stream: streamOf(`grouped bootstrap ${name}`) });
  const means = Float64Array.from({ length: samples }, () => {
    let total = 0;
    for (let drawn = 0; drawn < groups.length; drawn++) {
      const items = groups[stream.nextInteger(groups.length)]!;
      let sum = 0;
      for (let item = 0; item < items.length; item++) sum += items[stream.nextInteger(items.length)]!;
      total += sum / items.length;
    }
    return total / groups.length;
  });
  return { value, interval: percentileInterval(means) };
}
