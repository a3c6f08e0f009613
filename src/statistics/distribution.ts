/** What a list of numbers looks like: moments, quantiles, histogram. */

export interface HistogramBin {
  /** The bin holds from <= value < to; the last one also its end. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

export interface Distribution {
  readonly count: number;
  readonly mean: number;
  /** Of the sample, n - 1 in the denominator; 0 for fewer than two values. */
  readonly deviation: number;
  readonly least: number;
  readonly quantile5: number;
  readonly quantile25: number;
  readonly median: number;
  readonly quantile75: number;
  readonly quantile95: number;
  readonly most: number;
}

/** The value below which a share of the sorted values lies, between neighbours by proportion (numpy's default). */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const position = share * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (position - low) * (sorted[high]! - sorted[low]!);
}

/** Undefined for no values. */
export function distribution(values: readonly number[]): Distribution | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    count: sorted.length,
    mean,
    deviation: Math.sqrt(squares / Math.max(1, sorted.length - 1)),
    least: sorted[0]!,
    quantile5: quantile(sorted, 0.05),
    quantile25: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    quantile75: quantile(sorted, 0.75),
    quantile95: quantile(sorted, 0.95),
    most: sorted.at(-1)!,
  };
}

/** Counts in bins of equal width from `low` to `high`; values outside count in the first or last bin. */
export function histogram(
  values: readonly number[],
  low: number,
  high: number,
  bins: number,
): HistogramBin[] {
  const width = (high - low) / bins || 1;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    counts[Math.min(bins - 1, Math.max(0, Math.floor((value - low) / width)))]!++;
  }
  return counts.map((count, bin) => ({ from: low + bin * width, to: low + (bin + 1) * width, count }));
}
