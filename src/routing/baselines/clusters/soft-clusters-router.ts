/** Clusters with soft edges: near prompts speak louder for their cluster, near clusters speak louder for a prompt. */
import { z } from "zod";
import type { JudgedRecord } from "../../../judged/record.ts";
import { softmax } from "../../../statistics/stable-functions.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { BundleArrays } from "../../bundle.ts";
import type { Embedder } from "../../embedding/index.ts";
import { candidateEvidence } from "../../growth/candidate-evidence.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { squaredNorms } from "../k-means.ts";
import { candidateColumn, type GrowableBaseline } from "../parts.ts";
import { type ClusterOptions, clusterPrompts, type PromptClusters } from "../prompt-clusters.ts";
import { meanRow, trainingData } from "../training-data.ts";
import {
  type ClusterTable,
  centreDistances,
  clusterTable,
  clusterTableFrom,
  readClusterTable,
} from "./cluster-table.ts";
import { withColumn, withoutColumn } from "./grow-table.ts";

/** Clusters of the released code of Lookahead. */
const DEFAULT_CLUSTERS = 100;

export const softClustersHeaderSchema = z.object({
  kind: z.literal("soft-clusters"),
  clusters: z.int().positive(),
  temperature: z.number().positive(),
});

/**
 * v_c = sum_{i in c} softmax_i(-|x_i - c| / tau) s_i over the members of cluster c; a prompt x scores
 * sum_c softmax_c(-|x - c| / tau) v_c over all clusters. s are scores min-max normalised within the prompt.
 *
 * Source: the soft cluster router in the released code of Lookahead (arXiv 2510.19506), tau = 1.
 */
export class SoftClustersRouter extends EmbeddingRouter implements GrowableBaseline {
  override readonly name: string = "soft-clusters";
  /** tau */
  readonly temperature: number;
  private readonly table: ClusterTable;

  constructor(candidates: readonly string[], embedder: Embedder, table: ClusterTable, temperature: number) {
    super(candidates, embedder);
    this.table = table;
    this.temperature = temperature;
  }

  override scoresOf(vector: Float32Array): Float64Array {
    const weighting = { nearest: this.table.centreNorms.length, sharpness: 1 / this.temperature };
    return readClusterTable(this.table, vector, weighting);
  }

  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<SoftClustersRouter> {
    const evidence = candidateEvidence(records, this.candidates, name);
    const table = await withColumn(this.table, this.embedder, evidence);
    return new SoftClustersRouter([...this.candidates, name], this.embedder, table, this.temperature);
  }

  withoutCandidate(name: string): SoftClustersRouter {
    const column = candidateColumn(this.candidates, name);
    const table = withoutColumn(this.table, column);
    return new SoftClustersRouter(
      this.candidates.toSpliced(column, 1),
      this.embedder,
      table,
      this.temperature,
    );
  }

  override toContent() {
    const { centres, rows, centreNorms } = this.table;
    return {
      header: { kind: "soft-clusters", clusters: centreNorms.length, temperature: this.temperature },
      arrays: { centres, rows },
    };
  }

  static fromContent(
    header: z.infer<typeof softClustersHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): SoftClustersRouter {
    const shape = { dimension: embedder.dimension, width: candidates.length };
    const table = clusterTableFrom(arrays, header.clusters, shape);
    return new SoftClustersRouter(candidates, embedder, table, header.temperature);
  }
}

/** One row per cluster: its members' rows, weighted by softmax(-distance / temperature). */
function softMeans(
  { centres, clusters, assignment, points }: PromptClusters,
  rows: readonly Float64Array[],
  temperature: number,
): Float64Array {
  const width = rows[0]!.length;
  const geometry = {
    centres,
    centreNorms: squaredNorms(centres, points.dimension),
    dimension: points.dimension,
  };
  const overall = meanRow(rows, width);
  const means = new Float64Array(clusters * width);
  for (let cluster = 0; cluster < clusters; cluster++) {
    const members = rows.flatMap((_, index) => (assignment[index] === cluster ? [index] : []));
    if (members.length === 0) means.set(overall, cluster * width);
    const own = members.map((index) => centreDistances(geometry, points.values, index)[cluster]!);
    const weights = softmax(own.map((distance) => -distance / temperature));
    for (const [position, index] of members.entries()) {
      for (let column = 0; column < width; column++) {
        means[cluster * width + column]! += weights[position]! * rows[index]![column]!;
      }
    }
  }
  return means;
}

/**
 * @param options.clusters - @default 100, or one per 20 training prompts when that is fewer
 * @param options.temperature - tau; smaller makes the edges sharper, @default 1
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for a wrong cluster count or temperature
 */
export async function trainSoftClusters(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: ClusterOptions & { readonly temperature?: number } = {},
): Promise<SoftClustersRouter> {
  const { temperature = 1 } = options;
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new TuttiError("INVALID_ARGUMENT", `temperature is ${temperature}, expected a positive number`);
  }
  const data = trainingData(records, candidates);
  const found = await clusterPrompts(data, embedder, DEFAULT_CLUSTERS, options);
  const table = clusterTable(found.centres, softMeans(found, data.normalised, temperature), {
    dimension: embedder.dimension,
    width: candidates.length,
  });
  return new SoftClustersRouter(data.candidates, embedder, table, temperature);
}
