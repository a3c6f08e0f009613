/**
 * Lloyd's algorithm from k-means++ starting points.
 *
 * Source: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
 */
import { permutation, type RandomKey, RandomStream, streamOf } from "../../tensor/random.ts";
import { dot } from "../embedding/dot.ts";

/** Stops when no more than this share of the points changed cluster. */
const SETTLED_SHARE = 0.001;

/** More points move a centre less than its own spread does. */
const MOST_POINTS_PER_CENTRE = 256;
const MOST_POINTS = 20_000;

export interface Clustering {
  /** [count, dimension] row-major. */
  readonly centres: Float64Array;
  /** Cluster of each point. */
  readonly assignment: Uint32Array;
}

/** Points as a row-major matrix. */
export interface Points {
  readonly values: Float32Array | Float64Array;
  readonly dimension: number;
}

/** Index of the centre with the smallest Euclidean distance, ties to the lowest. */
export function nearestCentre(
  points: Points,
  index: number,
  centres: Float64Array,
  centreNorms: Float64Array,
): number {
  let best = 0;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (let centre = 0; centre < centreNorms.length; centre++) {
    // |x - c|^2 without the term |x|^2, which is the same for every centre.
    const distance =
      centreNorms[centre]! -
      2 * dot(centres, centre * points.dimension, points.values, index * points.dimension, points.dimension);
    if (distance < bestDistance) {
      best = centre;
      bestDistance = distance;
    }
  }
  return best;
}

/** |c|^2 of each row. */
export function squaredNorms(rows: Float64Array, dimension: number): Float64Array {
  return Float64Array.from({ length: rows.length / dimension }, (_, row) =>
    dot(rows, row * dimension, rows, row * dimension, dimension),
  );
}

function squaredDistance(points: Points, a: number, b: number): number {
  let sum = 0;
  for (let k = 0; k < points.dimension; k++) {
    sum += (points.values[a * points.dimension + k]! - points.values[b * points.dimension + k]!) ** 2;
  }
  return sum;
}

/** Each next start is drawn with probability proportional to its squared distance from the nearest chosen one. */
function plusPlusStarts(points: Points, count: number, stream: RandomStream): Float64Array {
  const { values, dimension } = points;
  const total = values.length / dimension;
  const centres = new Float64Array(count * dimension);
  const distances = new Float64Array(total).fill(Number.POSITIVE_INFINITY);
  let chosen = stream.nextInteger(total);
  for (let centre = 0; centre < count; centre++) {
    centres.set(values.subarray(chosen * dimension, (chosen + 1) * dimension), centre * dimension);
    let sum = 0;
    for (let index = 0; index < total; index++) {
      distances[index] = Math.min(distances[index]!, squaredDistance(points, index, chosen));
      sum += distances[index]!;
    }
    let remaining = stream.nextUniform() * sum;
    chosen = total - 1;
    for (let index = 0; index < total; index++) {
      remaining -= distances[index]!;
      if (remaining < 0) {
        chosen = index;
        break;
      }
    }
  }
  return centres;
}

/** Mean of each cluster's points; a cluster that lost all its points keeps its centre. */
function moveCentres(points: Points, assignment: Uint32Array, centres: Float64Array): void {
  const { values, dimension } = points;
  const sizes = new Uint32Array(centres.length / dimension);
  for (const cluster of assignment) sizes[cluster]!++;
  for (const [cluster, size] of sizes.entries()) {
    if (size > 0) centres.fill(0, cluster * dimension, (cluster + 1) * dimension);
  }
  for (const [index, cluster] of assignment.entries()) {
    const scale = 1 / sizes[cluster]!;
    for (let k = 0; k < dimension; k++) {
      centres[cluster * dimension + k]! += scale * values[index * dimension + k]!;
    }
  }
}

/** Lloyd's iterations over all points. */
function settle(points: Points, centres: Float64Array, maxIterations: number): Uint32Array {
  const total = points.values.length / points.dimension;
  const assignment = new Uint32Array(total).fill(centres.length / points.dimension);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const changed = assign(points, centres, assignment);
    if (changed <= SETTLED_SHARE * total) break;
    moveCentres(points, assignment, centres);
  }
  return assignment;
}

/** Returns how many points changed cluster. */
function assign(points: Points, centres: Float64Array, assignment: Uint32Array): number {
  const norms = squaredNorms(centres, points.dimension);
  let changed = 0;
  for (let index = 0; index < assignment.length; index++) {
    const nearest = nearestCentre(points, index, centres, norms);
    if (assignment[index] !== nearest) changed++;
    assignment[index] = nearest;
  }
  return changed;
}

function sampled({ values, dimension }: Points, size: number, key: RandomKey): Points {
  const sample = new Float64Array(size * dimension);
  const chosen = permutation(values.length / dimension, key).subarray(0, size);
  for (const [position, index] of chosen.entries()) {
    sample.set(values.subarray(index * dimension, (index + 1) * dimension), position * dimension);
  }
  return { values: sample, dimension };
}

/**
 * Beyond {@link MOST_POINTS} points, or {@link MOST_POINTS_PER_CENTRE} a centre where that is more, centres settle on a random
 * part of that size and all points go to the nearest.
 *
 * @param count - clusters, at most the number of points
 */
export function kMeans(points: Points, count: number, key: RandomKey, maxIterations = 50): Clustering {
  const total = points.values.length / points.dimension;
  const most = Math.max(MOST_POINTS, count * MOST_POINTS_PER_CENTRE);
  const fitted =
    total <= most ? points : sampled(points, most, { ...key, stream: streamOf(`sample of ${key.stream}`) });
  const centres = plusPlusStarts(fitted, count, new RandomStream(key));
  const settled = settle(fitted, centres, maxIterations);
  if (fitted === points) return { centres, assignment: settled };
  const assignment = new Uint32Array(total);
  assign(points, centres, assignment);
  return { centres, assignment };
}
