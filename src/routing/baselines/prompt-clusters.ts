/** Training prompts embedded and clustered: what every router with a table per cluster begins with. */
import { TuttiError } from "../../support/errors.ts";
import { streamOf } from "../../tensor/random.ts";
import { type Embedder, embedMatrix } from "../embedding/index.ts";
import { type Clustering, kMeans, type Points } from "./k-means.ts";
import { meanRow, type TrainingData } from "./training-data.ts";

/** With fewer training prompts per cluster than this on average, a cluster's mean score is mostly noise. */
const MIN_PROMPTS_PER_CLUSTER = 20;

export interface ClusterOptions {
  /** @default the method's own number, or one per 20 training prompts when that is fewer */
  readonly clusters?: number;
  /** Seed of the starting points. @default 0 */
  readonly seed?: number;
}

export interface PromptClusters extends Clustering {
  readonly clusters: number;
  /** The embedded prompts. */
  readonly points: Points;
}

/**
 * @param defaultClusters used when `options.clusters` is not given and there are prompts enough
 * @throws {TuttiError} INVALID_ARGUMENT for a cluster count outside 1..prompts
 */
export async function clusterPrompts(
  data: TrainingData,
  embedder: Embedder,
  defaultClusters: number,
  options: ClusterOptions,
): Promise<PromptClusters> {
  const total = data.prompts.length;
  const fitting = Math.max(1, Math.floor(total / MIN_PROMPTS_PER_CLUSTER));
  const { clusters = Math.min(defaultClusters, fitting), seed = 0 } = options;
  if (!Number.isInteger(clusters) || clusters < 1 || clusters > total) {
    throw new TuttiError("INVALID_ARGUMENT", `clusters is ${clusters}, expected an integer in 1..${total}`);
  }
  const points = { values: await embedMatrix(embedder, data.prompts), dimension: embedder.dimension };
  return { ...kMeans(points, clusters, { seed, stream: streamOf("kmeans") }), clusters, points };
}

/**
 * Mean of the members' rows for each cluster, [clusters, width] row-major; a cluster without members gets the mean
 * over all rows.
 */
export function clusterMeans(
  { clusters, assignment }: { readonly clusters: number; readonly assignment: ArrayLike<number> },
  rows: readonly Float64Array[],
  width: number,
): Float64Array {
  const overall = meanRow(rows, width);
  const means = new Float64Array(clusters * width);
  for (let cluster = 0; cluster < clusters; cluster++) {
    const members = rows.filter((_, index) => assignment[index] === cluster);
    means.set(members.length === 0 ? overall : meanRow(members, width), cluster * width);
  }
  return means;
}
