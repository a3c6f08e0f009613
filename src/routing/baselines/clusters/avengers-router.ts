/** Rank the candidates within each cluster of training prompts, and combine the clusters nearest to a prompt. */
import { z } from "zod";
import type { JudgedRecord } from "../../../judged/record.ts";
import type { BundleArrays } from "../../bundle.ts";
import type { Embedder } from "../../embedding/index.ts";
import { candidateEvidence } from "../../growth/candidate-evidence.ts";
import { minMax } from "../../labels.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { candidateColumn, type GrowableBaseline } from "../parts.ts";
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
import { withColumn, withoutColumn } from "./grow-table.ts";

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

/** A table of {@link clusterPerformance}, and how far apart the means were before they were scaled, [clusters]. */
export interface PerformanceTable {
  readonly table: ClusterTable;
  readonly spans: Float64Array;
}

export interface AvengersOptions extends ClusterOptions, Partial<ClusterWeighting> {}

/**
 * p_c(m) = mean normalised score of candidate m over cluster c, min-max normalised over the candidates; a prompt x
 * scores sum_c w_c p_c(m) over its nearest clusters, w = softmax(-beta |x - c|).
 *
 * Source: "The Avengers: a simple recipe for uniting smaller language models", arXiv 2505.19797, section 3 (k-means,
 * scores per cluster); the weights of several clusters are those of the released code of Avengers-Pro.
 */
export class AvengersRouter extends EmbeddingRouter implements GrowableBaseline {
  override readonly name: string = "avengers";
  readonly weighting: ClusterWeighting;
  private readonly performance: PerformanceTable;

  constructor(
    candidates: readonly string[],
    embedder: Embedder,
    performance: PerformanceTable,
    weighting: ClusterWeighting,
  ) {
    super(candidates, embedder);
    this.performance = performance;
    this.weighting = weighting;
  }

  override scoresOf(vector: Float32Array): Float64Array {
    return readClusterTable(this.performance.table, vector, this.weighting);
  }

  /** The new candidate may score above 1 or below 0: the scale of the others stays. */
  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<AvengersRouter> {
    const { table, spans } = this.performance;
    const evidence = candidateEvidence(records, this.candidates, name);
    const performance = { table: await withColumn(table, this.embedder, evidence, spans), spans };
    return new AvengersRouter([...this.candidates, name], this.embedder, performance, this.weighting);
  }

  withoutCandidate(name: string): AvengersRouter {
    const column = candidateColumn(this.candidates, name);
    const { table, spans } = this.performance;
    const performance = { table: withoutColumn(table, column), spans };
    return new AvengersRouter(
      this.candidates.toSpliced(column, 1),
      this.embedder,
      performance,
      this.weighting,
    );
  }

  override toContent() {
    const { table, spans } = this.performance;
    const { centres, rows, centreNorms } = table;
    return {
      header: { kind: "avengers", clusters: centreNorms.length, ...this.weighting },
      arrays: { centres, rows, spans },
    };
  }

  static fromContent(
    header: z.infer<typeof avengersHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): AvengersRouter {
    const { clusters, nearest, sharpness } = header;
    const performance = performanceTableFrom(arrays, clusters, embedder, candidates);
    return new AvengersRouter(candidates, embedder, performance, { nearest, sharpness });
  }
}

/** Mean normalised scores per cluster, then min-max normalised over the candidates; zeros where all are alike. */
export function clusterPerformance(found: PromptClusters, data: TrainingData): PerformanceTable {
  const width = data.candidates.length;
  const means = clusterMeans(found, data.normalised, width);
  const spans = new Float64Array(found.clusters);
  for (let cluster = 0; cluster < found.clusters; cluster++) {
    const row = means.subarray(cluster * width, (cluster + 1) * width);
    const range = { min: Math.min(...row), max: Math.max(...row) };
    spans[cluster] = range.max - range.min;
    row.set(minMax(row.slice(), range));
  }
  const { dimension } = found.points;
  return { table: clusterTable(found.centres, means, { dimension, width }), spans };
}

/** Reads back `centres`, `rows` and `spans`. */
export function performanceTableFrom(
  arrays: BundleArrays,
  clusters: number,
  { dimension }: Embedder,
  candidates: readonly string[],
): PerformanceTable {
  return {
    table: clusterTableFrom(arrays, clusters, { dimension, width: candidates.length }),
    spans: arrays.float64("spans", clusters),
  };
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
  return new AvengersRouter(data.candidates, embedder, clusterPerformance(found, data), {
    nearest,
    sharpness,
  });
}
