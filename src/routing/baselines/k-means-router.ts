/** A table of mean scores per cluster of training prompts: one look at the nearest centre instead of a search. */
import { z } from "zod";
import type { JudgedRecord } from "../../judged/record.ts";
import type { BundleArrays } from "../bundle.ts";
import type { Embedder } from "../embedding/index.ts";
import { candidateEvidence } from "../growth/candidate-evidence.ts";
import { appendColumn, dropColumn, rowMeans } from "../growth/columns.ts";
import { shrunkenMeans } from "../growth/shrunken-means.ts";
import type { RoutingQuery } from "../router.ts";
import { nearestCentre, squaredNorms } from "./k-means.ts";
import { candidateColumn, type GrowableBaseline } from "./parts.ts";
import { type ClusterOptions, clusterMeans, clusterPrompts } from "./prompt-clusters.ts";
import { trainingData } from "./training-data.ts";

export const DEFAULT_CLUSTERS = 100;

export const kMeansHeaderSchema = z.object({ kind: z.literal("kmeans"), clusters: z.int().positive() });

/** Scores a query by the mean normalised scores of the nearest cluster's training prompts. */
export class KMeansRouter implements GrowableBaseline {
  readonly name: string = "kmeans";
  readonly candidates: readonly string[];
  readonly embedder: Embedder;
  /** [clusters, dimension] row-major. */
  readonly centres: Float64Array;
  /** [clusters, candidates] row-major. */
  readonly clusterScores: Float64Array;
  private readonly centreNorms: Float64Array;

  constructor(
    candidates: readonly string[],
    embedder: Embedder,
    centres: Float64Array,
    clusterScores: Float64Array,
  ) {
    this.candidates = candidates;
    this.embedder = embedder;
    this.centres = centres;
    this.clusterScores = clusterScores;
    this.centreNorms = squaredNorms(centres, embedder.dimension);
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    const clusters = await this.clustersOf(queries.map((query) => query.prompt));
    const width = this.candidates.length;
    return clusters.map((cluster) => this.clusterScores.slice(cluster * width, (cluster + 1) * width));
  }

  /** A cluster with few judged prompts leans on all of them. */
  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<KMeansRouter> {
    const { prompts, advantages } = candidateEvidence(records, this.candidates, name);
    const means = shrunkenMeans(advantages, await this.clustersOf(prompts), this.centreNorms.length);
    const width = this.candidates.length;
    const column = rowMeans(this.clusterScores, width).map((mean, cluster) => mean + means[cluster]!);
    return new KMeansRouter(
      [...this.candidates, name],
      this.embedder,
      this.centres,
      appendColumn(this.clusterScores, width, column),
    );
  }

  /**
   * The same centres with the mean scores of other records.
   *
   * @throws {TuttiError} see {@link trainingData}
   */
  async withScoresOf(records: readonly JudgedRecord[]): Promise<KMeansRouter> {
    const { prompts, normalised } = trainingData(records, this.candidates);
    const found = { clusters: this.centreNorms.length, assignment: await this.clustersOf(prompts) };
    const clusterScores = clusterMeans(found, normalised, this.candidates.length);
    return new KMeansRouter(this.candidates, this.embedder, this.centres, clusterScores);
  }

  withoutCandidate(name: string): KMeansRouter {
    const column = candidateColumn(this.candidates, name);
    return new KMeansRouter(
      this.candidates.toSpliced(column, 1),
      this.embedder,
      this.centres,
      dropColumn(this.clusterScores, this.candidates.length, column),
    );
  }

  private async clustersOf(prompts: readonly string[]): Promise<number[]> {
    const vectors = await this.embedder.embed(prompts);
    return vectors.map((values) => {
      const points = { values, dimension: this.embedder.dimension };
      return nearestCentre(points, 0, this.centres, this.centreNorms);
    });
  }

  toContent() {
    return {
      header: { kind: "kmeans", clusters: this.centreNorms.length },
      arrays: { centres: this.centres, clusterScores: this.clusterScores },
    };
  }

  static fromContent(
    header: z.infer<typeof kMeansHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): KMeansRouter {
    return new KMeansRouter(
      candidates,
      embedder,
      arrays.float64("centres", header.clusters * embedder.dimension),
      arrays.float64("clusterScores", header.clusters * candidates.length),
    );
  }
}

/**
 * @param options.clusters - @default 100, or one per 20 training prompts when that is fewer
 * @param options.seed - seed of the starting points, @default 0
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for a cluster count outside 1..prompts
 */
export async function trainKMeans(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: ClusterOptions = {},
): Promise<KMeansRouter> {
  const data = trainingData(records, candidates);
  const found = await clusterPrompts(data, embedder, DEFAULT_CLUSTERS, options);
  const clusterScores = clusterMeans(found, data.normalised, candidates.length);
  return new KMeansRouter(data.candidates, embedder, found.centres, clusterScores);
}
