/** A table of one row per cluster, read by how near a prompt is to the centres. */

import { softmax } from "../../../statistics/stable-functions.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { BundleArrays } from "../../bundle.ts";
import { dot } from "../../embedding/dot.ts";
import { squaredNorms } from "../k-means.ts";

export interface ClusterTable {
  /** [clusters, dimension] row-major. */
  readonly centres: Float64Array;
  /** |centre|^2, [clusters]. */
  readonly centreNorms: Float64Array;
  /** [clusters, width] row-major. */
  readonly rows: Float64Array;
  readonly dimension: number;
  readonly width: number;
}

/** How the rows of several clusters are weighted. */
export interface ClusterWeighting {
  /** Only this many nearest clusters count. */
  readonly nearest: number;
  /** beta in softmax(-beta distance). */
  readonly sharpness: number;
}

export function clusterTable(
  centres: Float64Array,
  rows: Float64Array,
  shape: { readonly dimension: number; readonly width: number },
): ClusterTable {
  return { centres, centreNorms: squaredNorms(centres, shape.dimension), rows, ...shape };
}

export function clusterTableFrom(
  arrays: BundleArrays,
  clusters: number,
  shape: { readonly dimension: number; readonly width: number },
): ClusterTable {
  const centres = arrays.float64("centres", clusters * shape.dimension);
  return clusterTable(centres, arrays.float64("rows", clusters * shape.width), shape);
}

/** Euclidean distance of row `row` of `vectors` from every centre. */
export function centreDistances(
  table: Pick<ClusterTable, "centres" | "centreNorms" | "dimension">,
  vectors: Float32Array | Float64Array,
  row = 0,
): Float64Array {
  const { centres, centreNorms, dimension } = table;
  const offset = row * dimension;
  const norm = dot(vectors, offset, vectors, offset, dimension);
  return centreNorms.map((centreNorm, cluster) => {
    const squared = norm + centreNorm - 2 * dot(centres, cluster * dimension, vectors, offset, dimension);
    return Math.sqrt(Math.max(0, squared));
  });
}

/** sum_c w_c rows_c over the nearest clusters, w = softmax(-sharpness distance) among them; ties to the lower cluster. */
export function readClusterTable(
  table: ClusterTable,
  vector: Float32Array,
  { nearest, sharpness }: ClusterWeighting,
): Float64Array {
  const distances = centreDistances(table, vector);
  const order = Array.from(distances, (_, cluster) => cluster)
    .sort((a, b) => distances[a]! - distances[b]! || a - b)
    .slice(0, nearest);
  const weights = softmax(order.map((cluster) => -sharpness * distances[cluster]!));
  const row = new Float64Array(table.width);
  for (const [position, cluster] of order.entries()) {
    const from = cluster * table.width;
    for (let column = 0; column < table.width; column++) {
      row[column]! += weights[position]! * table.rows[from + column]!;
    }
  }
  return row;
}

/** @throws {TuttiError} INVALID_ARGUMENT */
export function checkWeighting({ nearest, sharpness }: ClusterWeighting): void {
  if (!Number.isInteger(nearest) || nearest < 1) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `nearest is ${nearest}, expected a positive number of clusters to combine`,
    );
  }
  if (!(sharpness >= 0 && Number.isFinite(sharpness))) {
    throw new TuttiError("INVALID_ARGUMENT", `sharpness is ${sharpness}, expected a number from 0`);
  }
}
