/** Rank the candidates within each cluster of training prompts, and combine the clusters nearest to a prompt. */
import { z } from "zod";
import type { JudgedRecord } from "../../../judged/record.ts";
import type { BundleArrays } from "../../bundle.ts";
import type { Embedder } from "../../embedding/index.ts";
import { minMax } from "../../labels.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import {
  type ClusterOptions,
  clusterMeans,
  clusterPrompts,
  type PromptClusters,
} from "../prompt-clusters.ts";
import { type TrainingData, trainingData } from "../training-data.ts";
import {
  type ClusterTable,
  type ClusterWeighting,
  checkWeighting,
  clusterTable,
  clusterTableFrom,
  readClusterTable,
} from "./cluster-table.ts";

/** Clusters in the paper. */
const DEFAULT_CLUSTERS = 64;
/** Clusters combined, and beta of softmax(-beta distance): Avengers-Pro's paper (p = 4) and its released code (9). */
export const DEFAULT_WEIGHTING: ClusterWeighting = { nearest: 4, sharpness: 9 };

export const clusterWeightingFields = {
  clusters: z.int().positive(),
  nearest: z.int().positive(),
  sharpness: z.number().nonnegative(),
};
export const avengersHeaderSchema = z.object({ kind: z.literal("avengers"), ...clusterWeightingFields });

export interface AvengersOptions extends ClusterOptions, Partial<ClusterWeighting> {}

/**
 * p_c(m) = mean normalised score of candidate m over cluster c, min-max normalised over the candidates; a prompt x
 * scores sum_c w_c p_c(m) over its nearest clusters, w = softmax(-beta |x - c|).
 *
 * Source: "The Avengers: a simple recipe for uniting smaller language models", arXiv 2505.19797, section 3 (k-means,
 * scores per cluster); the weights of several clusters are those of the released code of Avengers-Pro.
 */
export class AvengersRouter extends EmbeddingRouter {
  override readonly name: string = "avengers";
  readonly weighting: ClusterWeighting;
  private readonly table: ClusterTable;

  constructor(
    candidates: readonly string[],
    embedder: Embedder,
    table: ClusterTable,
    weighting: ClusterWeighting,
  ) {
    super(candidates, embedder);
    this.table = table;
    this.weighting = weighting;
  }

  override scoresOf(vector: Float32Array): Float64Array {
    return readClusterTable(this.table, vector, this.weighting);
  }

  override toContent() {
    const { centres, rows, centreNorms } = this.table;
    return {
      header: { kind: "avengers", clusters: centreNorms.length, ...this.weighting },
      arrays: { centres, rows },
    };
  }

  static fromContent(
    header: z.infer<typeof avengersHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): AvengersRouter {
    const shape = { dimension: embedder.dimension, width: candidates.length };
    const { nearest, sharpness } = header;
    return new AvengersRouter(candidates, embedder, clusterTableFrom(arrays, header.clusters, shape), {
      nearest,
      sharpness,
    });
  }
}

/** Mean normalised scores per cluster, then min-max normalised over the candidates; zeros where all are alike. */
export function clusterPerformance(found: PromptClusters, data: TrainingData): Float64Array {
  const width = data.candidates.length;
  const means = clusterMeans(found, data.normalised, width);
  for (let cluster = 0; cluster < found.clusters; cluster++) {
    const row = means.subarray(cluster * width, (cluster + 1) * width);
    row.set(minMax(row.slice(), { min: Math.min(...row), max: Math.max(...row) }));
  }
  return means;
}

/**
 * @param options.clusters - @default 64, or one per 20 training prompts when that is fewer
 * @param options.nearest - clusters combined, @default 4
 * @param options.sharpness - beta, @default 9
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for a wrong cluster count or weighting
 */
export async function trainAvengers(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: AvengersOptions = {},
): Promise<AvengersRouter> {
  const { nearest, sharpness } = { ...DEFAULT_WEIGHTING, ...options };
  checkWeighting({ nearest, sharpness });
  const data = trainingData(records, candidates);
  const found = await clusterPrompts(data, embedder, DEFAULT_CLUSTERS, options);
  const table = clusterTable(found.centres, clusterPerformance(found, data), {
    dimension: embedder.dimension,
    width: candidates.length,
  });
  return new AvengersRouter(data.candidates, embedder, table, { nearest, sharpness });
}
