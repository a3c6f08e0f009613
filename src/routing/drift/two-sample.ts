/**
 * Are two samples draws from one distribution? Three statistics, each with a permutation p-value: labels are shuffled
 * over the pooled sample, so under equality every p-value is valid at any size: P(p <= a) <= a.
 *
 * - mix: squared maximum mean discrepancy of embeddings under exp(-|x - y|^2 / (2 s^2)), s^2 the median of |x - y|^2 / 2:
 *   mean k(x, x') + mean k(y, y') - 2 mean k(x, y)
 * - novelty: share of traffic farther from known prompts than 99 % of the reference is
 * - length: largest difference of the two distribution functions (Kolmogorov-Smirnov)
 *
 * Source: Gretton et al., "A kernel two-sample test", JMLR 13 (2012); Holm, Scandinavian Journal of Statistics 6 (1979).
 */
import { permutation, streamOf } from "../../tensor/random.ts";
import { dot } from "../embedding/dot.ts";

/** One sample; arrays have one entry (embeddings: `dimension`) per prompt. */
export interface Sample {
  /** [prompts, dimension] row-major. */
  readonly embeddings: Float32Array;
  /** Distance to the nearest known prompt. */
  readonly distances: Float64Array;
  readonly lengths: Float64Array;
}

export const QUESTIONS = ["mix", "novelty", "length"] as const;
export type Question = (typeof QUESTIONS)[number];
export type PValues = Readonly<Record<Question, number>>;

/** A prompt is unfamiliar when it is farther away than this share of the reference. */
export const FAMILIAR_SHARE = 0.99;

const joined64 = (a: Float64Array, b: Float64Array): Float64Array => Float64Array.from([...a, ...b]);

/** @param permutations p-values are multiples of 1 / (permutations + 1) */
export function twoSampleTest(
  reference: Sample,
  traffic: Sample,
  dimension: number,
  { permutations = 999, seed = 0 } = {},
): PValues {
  const embeddings = new Float32Array(reference.embeddings.length + traffic.embeddings.length);
  embeddings.set(reference.embeddings);
  embeddings.set(traffic.embeddings, reference.embeddings.length);
  const total = embeddings.length / dimension;
  const size = traffic.distances.length;
  const statistics: Record<Question, (isTraffic: Uint8Array, members: Uint32Array) => number> = {
    mix: discrepancy(kernelMatrix(embeddings, dimension), total),
    novelty: tailShare(joined64(reference.distances, traffic.distances), total - size, size),
    length: largestGap(joined64(reference.lengths, traffic.lengths), total - size, size),
  };
  const isTraffic = new Uint8Array(total).fill(1, total - size);
  const own = Uint32Array.from({ length: size }, (_, index) => total - size + index);
  const observed = QUESTIONS.map((question) => statistics[question](isTraffic, own));
  const asExtreme = QUESTIONS.map(() => 1);
  for (let round = 0; round < permutations; round++) {
    const members = permutation(total, { seed, stream: streamOf(`shuffle ${round}`) }).slice(0, size);
    isTraffic.fill(0);
    for (const member of members) isTraffic[member] = 1;
    for (const [index, question] of QUESTIONS.entries()) {
      // Equal up to rounding counts as extreme: sums over other orders differ in their last bits.
      if (statistics[question](isTraffic, members) >= observed[index]! - 1e-12) asExtreme[index]!++;
    }
  }
  const [mix, novelty, length] = asExtreme.map((count) => count / (permutations + 1));
  return { mix: mix!, novelty: novelty!, length: length! };
}

/** p-values such that rejecting those up to a keeps the chance of any false rejection at a (Holm's method). */
export function adjustedPValues(values: PValues): PValues {
  const ordered = [...QUESTIONS].sort((a, b) => values[a] - values[b]);
  const adjusted: Record<string, number> = {};
  let least = 0;
  for (const [rank, question] of ordered.entries()) {
    least = Math.max(least, Math.min(1, (ordered.length - rank) * values[question]));
    adjusted[question] = least;
  }
  return adjusted as PValues;
}

/** k(x, y) of all pairs, [total, total]. */
function kernelMatrix(embeddings: Float32Array, dimension: number): Float64Array {
  const total = embeddings.length / dimension;
  const norms = Float64Array.from({ length: total }, (_, row) =>
    dot(embeddings, row * dimension, embeddings, row * dimension, dimension),
  );
  const matrix = new Float64Array(total * total);
  for (let row = 0; row < total; row++) {
    for (let column = 0; column < row; column++) {
      const product = dot(embeddings, row * dimension, embeddings, column * dimension, dimension);
      const squared = Math.max(0, norms[row]! + norms[column]! - 2 * product);
      matrix[row * total + column] = squared;
      matrix[column * total + row] = squared;
    }
  }
  const pairs = matrix.filter((_, flat) => flat % total < Math.floor(flat / total)).sort();
  const median = pairs[pairs.length >> 1] || 1;
  return matrix.map((squared) => Math.exp(-squared / median));
}

/** MMD^2 from the traffic's own sum: the other two follow from the row sums, which no permutation changes. */
function discrepancy(kernel: Float64Array, total: number) {
  const rowSums = Float64Array.from({ length: total }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < total; column++) sum += kernel[row * total + column]!;
    return sum;
  });
  const all = rowSums.reduce((sum, value) => sum + value, 0);
  return (_: Uint8Array, members: Uint32Array): number => {
    let inside = 0;
    let rows = 0;
    for (let i = 0; i < members.length; i++) {
      const row = members[i]! * total;
      rows += rowSums[members[i]!]!;
      inside += kernel[row + members[i]!]!;
      for (let j = 0; j < i; j++) inside += 2 * kernel[row + members[j]!]!;
    }
    const size = members.length;
    const others = total - size;
    const across = rows - inside;
    return inside / size ** 2 + (all - 2 * across - inside) / others ** 2 - (2 * across) / (size * others);
  };
}

function tailShare(distances: Float64Array, referenceSize: number, trafficSize: number) {
  const order = Uint32Array.from(distances, (_, index) => index).sort(
    (a, b) => distances[b]! - distances[a]!,
  );
  const allowed = Math.floor((1 - FAMILIAR_SHARE) * referenceSize);
  return (isTraffic: Uint8Array): number => {
    let beyond = 0;
    let references = 0;
    for (const index of order) {
      if (isTraffic[index] === 1) beyond++;
      else if (++references > allowed) break;
    }
    return beyond / trafficSize;
  };
}

function largestGap(values: Float64Array, referenceSize: number, trafficSize: number) {
  const order = Uint32Array.from(values, (_, index) => index).sort((a, b) => values[a]! - values[b]!);
  return (isTraffic: Uint8Array): number => {
    let gap = 0;
    let difference = 0;
    for (const [position, index] of order.entries()) {
      difference += isTraffic[index] === 1 ? 1 / trafficSize : -1 / referenceSize;
      const next = order[position + 1];
      // Distribution functions are compared between values, never inside a tie.
      if (next === undefined || values[next] !== values[index]) gap = Math.max(gap, Math.abs(difference));
    }
    return gap;
  };
}
