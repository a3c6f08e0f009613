/** Avengers with a dial between quality and cost, which can be turned while serving. */
import { z } from "zod";
import type { JudgedRecord } from "../../../judged/record.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { BundleArrays } from "../../bundle.ts";
import type { Embedder } from "../../embedding/index.ts";
import { candidateEvidence } from "../../growth/candidate-evidence.ts";
import { minMax, type ScoreRange } from "../../labels.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { candidateColumn } from "../parts.ts";
import { clusterPrompts } from "../prompt-clusters.ts";
import { trainingData } from "../training-data.ts";
import {
  type AvengersOptions,
  clusterPerformance,
  clusterWeightingFields,
  DEFAULT_WEIGHTING,
  type PerformanceTable,
  performanceTableFrom,
} from "./avengers-router.ts";
import { type ClusterWeighting, checkWeighting, readClusterTable } from "./cluster-table.ts";
import { withColumn, withoutColumn } from "./grow-table.ts";

/** Clusters in the paper. */
const DEFAULT_CLUSTERS = 60;
/** Weight of performance in the released code. */
const DEFAULT_ALPHA = 0.7;

export const avengersProHeaderSchema = z.object({
  kind: z.literal("avengers-pro"),
  ...clusterWeightingFields,
  alpha: z.number().min(0).max(1),
  costRange: z.object({ min: z.number().nonnegative(), max: z.number().nonnegative() }),
});

/** Cost of one answer per candidate, in any one currency; only ratios to the range matter. */
export type CandidateCosts = Readonly<Record<string, number>>;

interface AvengersProState {
  readonly performance: PerformanceTable;
  /** What efficiency 1 and 0 cost. */
  readonly costRange: ScoreRange;
  /** 1 for the cheapest candidate, 0 for the dearest. */
  readonly efficiency: Float64Array;
  readonly weighting: ClusterWeighting;
  readonly alpha: number;
}

/**
 * x_c(m) = alpha p_c(m) + (1 - alpha) q(m), with p_c as in {@link AvengersRouter} and efficiency
 * q(m) = 1 - (cost_m - min cost) / (max cost - min cost); a prompt scores sum_c w_c x_c(m) over its nearest clusters.
 *
 * Source: "Beyond GPT-5: making LLMs cheaper and better via performance-efficiency optimized routing",
 * arXiv 2508.12631, section 2, with one cost per candidate where the paper measures it per cluster.
 */
export class AvengersProRouter extends EmbeddingRouter {
  override readonly name: string = "avengers-pro";
  private readonly state: AvengersProState;

  constructor(candidates: readonly string[], embedder: Embedder, state: AvengersProState) {
    super(candidates, embedder);
    this.state = state;
  }

  /** Weight of performance against efficiency. */
  get alpha(): number {
    return this.state.alpha;
  }

  /** The same router with another balance. @throws {TuttiError} INVALID_ARGUMENT unless 0 <= alpha <= 1 */
  withAlpha(alpha: number): AvengersProRouter {
    checkAlpha(alpha);
    return new AvengersProRouter(this.candidates, this.embedder, { ...this.state, alpha });
  }

  override scoresOf(vector: Float32Array): Float64Array {
    const { performance, efficiency, weighting, alpha } = this.state;
    return readClusterTable(performance.table, vector, weighting).map(
      (score, column) => alpha * score + (1 - alpha) * efficiency[column]!,
    );
  }

  /**
   * As {@link AvengersRouter.withCandidate}, with an efficiency of its own, on the scale of the costs in training: above 1
   * when it is cheaper than all of them, below 0 when dearer; 1 for all where they cost the same.
   *
   * @param cost - of one of its answers, in the currency of training
   * @throws {TuttiError} as {@link GrowableRouter.withCandidate}; INVALID_ARGUMENT for a negative cost
   */
  async withPricedCandidate(
    name: string,
    records: readonly JudgedRecord[],
    cost: number,
  ): Promise<AvengersProRouter> {
    checkCost(name, cost);
    const { performance, efficiency, costRange } = this.state;
    const evidence = candidateEvidence(records, this.candidates, name);
    const { min, max } = costRange;
    return new AvengersProRouter([...this.candidates, name], this.embedder, {
      ...this.state,
      performance: {
        ...performance,
        table: await withColumn(performance.table, this.embedder, evidence, performance.spans),
      },
      efficiency: Float64Array.of(...efficiency, max > min ? 1 - (cost - min) / (max - min) : 1),
    });
  }

  /** @throws {TuttiError} UNKNOWN_CANDIDATE */
  withoutCandidate(name: string): AvengersProRouter {
    const column = candidateColumn(this.candidates, name);
    const { performance, efficiency } = this.state;
    return new AvengersProRouter(this.candidates.toSpliced(column, 1), this.embedder, {
      ...this.state,
      performance: { ...performance, table: withoutColumn(performance.table, column) },
      efficiency: efficiency.filter((_, index) => index !== column),
    });
  }

  override toContent() {
    const { performance, efficiency, weighting, alpha, costRange } = this.state;
    const { centres, rows, centreNorms } = performance.table;
    return {
      header: { kind: "avengers-pro", clusters: centreNorms.length, ...weighting, alpha, costRange },
      arrays: { centres, rows, spans: performance.spans, efficiency },
    };
  }

  static fromContent(
    header: z.infer<typeof avengersProHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): AvengersProRouter {
    const { clusters, nearest, sharpness, alpha, costRange } = header;
    return new AvengersProRouter(candidates, embedder, {
      performance: performanceTableFrom(arrays, clusters, embedder, candidates),
      costRange,
      efficiency: arrays.float64("efficiency", candidates.length),
      weighting: { nearest, sharpness },
      alpha,
    });
  }
}

function checkAlpha(alpha: number): void {
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `alpha is ${alpha}, expected a weight of performance in 0..1 (the rest goes to efficiency)`,
    );
  }
}

/** @throws {TuttiError} INVALID_ARGUMENT */
function checkCost(candidate: string, cost: number | undefined, known: readonly string[] = []): number {
  if (cost !== undefined && cost >= 0 && Number.isFinite(cost)) return cost;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `costs of ${JSON.stringify(candidate)} is ${cost ?? "missing"}, expected a number from 0`,
    { details: { candidate, known }, hint: "give a cost for every candidate" },
  );
}

/** 1 - min-max of the costs, in candidate order; ones where all cost the same. */
function efficiencies(costs: CandidateCosts, candidates: readonly string[]) {
  const values = Float64Array.from(candidates, (candidate) =>
    checkCost(candidate, Object.hasOwn(costs, candidate) ? costs[candidate] : undefined, Object.keys(costs)),
  );
  const costRange = { min: Math.min(...values), max: Math.max(...values) };
  return { costRange, efficiency: minMax(values, costRange).map((value) => 1 - value) };
}

/**
 * @param costs - of one answer, for every candidate
 * @param options.alpha - weight of performance, 1 - alpha of efficiency, @default 0.7
 * @param options.clusters - @default 60, or one per 20 training prompts when that is fewer
 * @param options.nearest - clusters combined, @default 4
 * @param options.sharpness - beta, @default 9
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for a missing cost or an option out of range
 */
export async function trainAvengersPro(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  costs: CandidateCosts,
  options: AvengersOptions & { readonly alpha?: number } = {},
): Promise<AvengersProRouter> {
  const { nearest, sharpness } = { ...DEFAULT_WEIGHTING, ...options };
  const { alpha = DEFAULT_ALPHA } = options;
  checkWeighting({ nearest, sharpness });
  checkAlpha(alpha);
  const { efficiency, costRange } = efficiencies(costs, candidates);
  const data = trainingData(records, candidates);
  const found = await clusterPrompts(data, embedder, DEFAULT_CLUSTERS, options);
  return new AvengersProRouter(data.candidates, embedder, {
    performance: clusterPerformance(found, data),
    costRange,
    efficiency,
    weighting: { nearest, sharpness },
    alpha,
  });
}
