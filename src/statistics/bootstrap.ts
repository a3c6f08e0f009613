/** An estimate with its percentile bootstrap interval over items. */
import { RandomStream, streamOf } from "../tensor/random.ts";
import { type Interval, percentileInterval } from "./interval.ts";

export interface BootstrapSettings {
  /** @default 1000 */
  readonly samples?: number;
  /** @default 0 */
  readonly seed?: number;
}

export interface BootstrapEstimate {
  readonly value: number;
  /** 95 %; NaN where no resample has a value. */
  readonly interval: Interval;
}

/**
 * The statistic of all items and of resamples of them; resamples on which it is undefined (NaN) are left out.
 *
 * @param name keeps the random numbers of different estimates apart
 */
export function bootstrapped<Item>(
  items: readonly Item[],
  statistic: (items: readonly Item[]) => number,
  name: string,
  { samples = 1000, seed = 0 }: BootstrapSettings = {},
): BootstrapEstimate {
  const stream = new RandomStream({ seed, stream: streamOf(`bootstrap ${name}`) });
  const values: number[] = [];
  for (let sample = 0; sample < samples && items.length > 0; sample++) {
    const value = statistic(items.map(() => items[stream.nextInteger(items.length)]!));
    if (Number.isFinite(value)) values.push(value);
  }
  const interval: Interval =
    values.length === 0 ? [Number.NaN, Number.NaN] : percentileInterval(Float64Array.from(values));
  return { value: statistic(items), interval };
}

/** NaN for no values. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
