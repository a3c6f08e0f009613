/** From rounds to results: medians, ratios, throughput and what is printed. Pure. */
import type { Benchmark, PeakResult, Product, Spread, Subject, SubjectResult } from "./subject.ts";

/** Rounds of one subject further apart than this say that something else was running. */
const NOISE_LIMIT = 1.5;

export interface Measured {
  readonly rounds: readonly number[];
  readonly peakRssBytes: number;
  readonly figures: Readonly<Record<string, number>>;
  /** What else each round measured. */
  readonly cells?: readonly Readonly<Record<string, number>>[];
}

export type Results = Readonly<Record<string, SubjectResult>>;

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const spreadOf = (numbers: readonly number[]): Spread => ({
  median: median(numbers),
  min: Math.min(...numbers),
  max: Math.max(...numbers),
});

/** Spreads of the cells that every round measured. */
function cellSpreads(cells: readonly Readonly<Record<string, number>>[]): Record<string, Spread> {
  const names = Object.keys(cells[0] ?? {}).filter((name) => cells.every((round) => name in round));
  return Object.fromEntries(names.map((name) => [name, spreadOf(cells.map((round) => round[name]!))]));
}

function summarise(unit: string, { rounds, peakRssBytes, figures, cells = [] }: Measured): SubjectResult {
  const spreads = cellSpreads(cells);
  return {
    ...spreadOf(rounds),
    unit,
    peakRssBytes,
    rounds,
    ...(Object.keys(figures).length > 0 && { figures }),
    ...(Object.keys(spreads).length > 0 && { cells: spreads }),
  };
}

/** The subject that measures a product: PRODUCT_UNIT of [M, K] times [K, N]. */
export const PRODUCT_UNIT = "seconds per product";
export const productSubject = (product: Product): Subject => ({
  name: `product ${product.join("x")}`,
  runtime: "node",
  script: "subjects/matrix-product.ts",
  args: product.map(String),
});

/** The fastest of the products by median; undefined where the benchmark names none or none ran. */
export function peakOf(
  products: readonly Product[],
  measured: ReadonlyMap<string, Measured>,
): PeakResult | undefined {
  const results: Record<string, SubjectResult> = {};
  for (const product of products) {
    const own = measured.get(productSubject(product).name);
    const flops = 2 * product.reduce((size, dimension) => size * dimension, 1);
    if (own) results[product.join("x")] = withRate(summarise(PRODUCT_UNIT, own), flops);
  }
  const rate = (result: SubjectResult): number => result.gflopsPerSecond ?? 0;
  const [best] = Object.entries(results).sort(([, a], [, b]) => rate(b) - rate(a));
  return best && { product: best[0], gflopsPerSecond: rate(best[1]), products: results };
}

const withRate = (result: SubjectResult, flops: number): SubjectResult => ({
  ...result,
  gflopsPerSecond: flops / result.median / 1e9,
});

/** The results of the benchmark's own subjects. */
export function resultsOf(
  { subjects, unit, throughput }: Benchmark,
  measured: ReadonlyMap<string, Measured>,
  peak: PeakResult | undefined,
): Results {
  const results: Record<string, SubjectResult> = {};
  for (const { name, executedFlopsPerUnit } of subjects) {
    const own = measured.get(name);
    if (!own) continue;
    const result = summarise(unit, own);
    results[name] = throughput
      ? withShares(result, throughput.flopsPerUnit, executedFlopsPerUnit, peak)
      : result;
  }
  return results;
}

function withShares(
  result: SubjectResult,
  flops: number,
  executedFlops: number | undefined,
  peak: PeakResult | undefined,
): SubjectResult {
  const rate = flops / result.median / 1e9;
  const executed = executedFlops === undefined ? undefined : executedFlops / result.median / 1e9;
  return {
    ...result,
    gflopsPerSecond: rate,
    ...(peak && { shareOfPeak: rate / peak.gflopsPerSecond }),
    ...(executed !== undefined && { executedGflopsPerSecond: executed }),
    ...(executed !== undefined && peak && { executedShareOfPeak: executed / peak.gflopsPerSecond }),
  };
}

/** Ours over the peer's, for pairs that both ran. */
export function ratiosOf({ ratios }: Benchmark, results: Results): Record<string, number> {
  const known = ratios.flatMap(([ours, peer]): [string, number][] => {
    const [a, b] = [results[ours], results[peer]];
    return a && b ? [[`${ours}_over_${peer}`, a.median / b.median]] : [];
  });
  return Object.fromEntries(known);
}

/** Names whose slowest round took more than NOISE_LIMIT times the fastest: their medians are rough. */
export function noisyOf(measured: ReadonlyMap<string, Measured>): string[] {
  return [...measured]
    .filter(([, { rounds }]) => Math.max(...rounds) > NOISE_LIMIT * Math.min(...rounds))
    .map(([name]) => name);
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

function rates(result: SubjectResult): string {
  const rate = (gflops: number | undefined, share: number | undefined, what: string): string => {
    if (gflops === undefined) return "";
    const ofPeak = share === undefined ? "" : ` (${percent(share)} of the product peak)`;
    return `  ${gflops.toFixed(1)} GFLOP/s${what}${ofPeak}`;
  };
  return (
    rate(result.gflopsPerSecond, result.shareOfPeak, "") +
    rate(result.executedGflopsPerSecond, result.executedShareOfPeak, " with recomputation")
  );
}

/** A line a subject, one for what it said of itself, and one for each of its cells. */
export function resultLines(results: Results): string[] {
  const width = Math.max(16, ...Object.keys(results).map((name) => name.length + 1));
  return Object.entries(results).flatMap(([name, result]) => {
    const { median: middle, min, max, unit, peakRssBytes, figures, cells = {} } = result;
    const range = `[${min.toFixed(3)}, ${max.toFixed(3)}]`;
    const memory = `${(peakRssBytes / 1e9).toFixed(2)} GB peak`;
    const line = `${name.padEnd(width)} ${middle.toFixed(3)} ${unit}  ${range}  ${memory}${rates(result)}`;
    const said = Object.entries(figures ?? {}).map(
      ([key, value]) => `${key} ${Number(value.toPrecision(4))}`,
    );
    const shownCells = Object.entries(cells).map(
      ([key, cell]) =>
        `  ${key.padEnd(44)} ${cell.median.toFixed(3)}  [${cell.min.toFixed(3)}, ${cell.max.toFixed(3)}]`,
    );
    return [line, ...(said.length > 0 ? [`${"".padEnd(width)} ${said.join(", ")}`] : []), ...shownCells];
  });
}
