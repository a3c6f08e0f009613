/** One linear map from the prompt's embedding to every candidate's normalised score. */
import { z } from "zod";
import type { JudgedRecord } from "../../judged/record.ts";
import { linear, matrix, vector } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { BundleArrays } from "../bundle.ts";
import { type Embedder, embedMatrix } from "../embedding/index.ts";
import { embeddingHeadsGraph } from "../export/embedding-graph.ts";
import type { GraphRouter, RouterGraph } from "../export/router-graph.ts";
import { candidateEvidence } from "../growth/candidate-evidence.ts";
import type { RoutingQuery } from "../router.ts";
import { linearScores } from "./linear-scores.ts";
import { candidateColumn, type GrowableBaseline } from "./parts.ts";
import { fitRidge } from "./ridge.ts";
import { flattenRows, trainingData } from "./training-data.ts";

/** Half decades from 0.001 to 10,000: for unit-length embeddings of up to a million prompts this spans both ends. */
export const DEFAULT_LAMBDAS: readonly number[] = Array.from(
  { length: 15 },
  (_, index) => 10 ** (index / 2 - 3),
);

export const ridgeHeaderSchema = z.object({ kind: z.literal("ridge"), lambda: z.number().positive() });

/** Scores are predictions of the score that is min-max normalised within the prompt. */
export class RidgeRouter implements GrowableBaseline, GraphRouter {
  readonly name: string = "ridge";
  readonly candidates: readonly string[];
  readonly embedder: Embedder;
  /** Penalty that the training chose. */
  readonly lambda: number;
  /** [candidates, dimension] row-major. */
  readonly weights: Float64Array;
  readonly intercepts: Float64Array;

  constructor(
    candidates: readonly string[],
    embedder: Embedder,
    fit: { readonly lambda: number; readonly weights: Float64Array; readonly intercepts: Float64Array },
  ) {
    this.candidates = candidates;
    this.embedder = embedder;
    this.lambda = fit.lambda;
    this.weights = fit.weights;
    this.intercepts = fit.intercepts;
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    const vectors = await this.embedder.embed(queries.map((query) => query.prompt));
    return vectors.map((vector) => linearScores(this, vector));
  }

  routerGraph(): RouterGraph {
    const { candidates, embedder } = this;
    const values = new Map([
      ["ridge.weight", Float32Array.from(this.weights)],
      ["ridge.bias", Float32Array.from(this.intercepts)],
    ]);
    return embeddingHeadsGraph(embedder, {
      kind: "ridge",
      candidates,
      specs: {
        "ridge.weight": matrix(candidates.length, embedder.dimension, 0),
        "ridge.bias": vector(candidates.length, 0),
      },
      values: (name) => values.get(name)!,
      outputs: {
        scores: {
          meaning: "predicted score per candidate, min-max normalised within the prompt; higher is better",
        },
      },
      build: (parameters, embedding) => ({
        scores: linear(embedding, parameters("ridge.weight"), parameters("ridge.bias")),
      }),
    });
  }

  /**
   * The new row is the mean of the others plus a ridge fit of the advantage over it, whose penalty is chosen anew: with
   * few judged prompts a large one, which leaves a constant advantage.
   */
  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<RidgeRouter> {
    const { prompts, advantages } = candidateEvidence(records, this.candidates, name);
    const { dimension } = this.embedder;
    const x = await embedMatrix(this.embedder, prompts);
    const problem = { rows: prompts.length, features: dimension, targets: 1, x, y: advantages };
    const fit = fitRidge(problem, DEFAULT_LAMBDAS);
    const width = this.candidates.length;
    const weights = fit.weights.map((weight, feature) => {
      let sum = 0;
      for (let row = 0; row < width; row++) sum += this.weights[row * dimension + feature]!;
      return weight + sum / width;
    });
    const intercept = fit.intercepts[0]! + this.intercepts.reduce((sum, value) => sum + value, 0) / width;
    return new RidgeRouter([...this.candidates, name], this.embedder, {
      lambda: this.lambda,
      weights: Float64Array.from([...this.weights, ...weights]),
      intercepts: Float64Array.of(...this.intercepts, intercept),
    });
  }

  withoutCandidate(name: string): RidgeRouter {
    const column = candidateColumn(this.candidates, name);
    const { dimension } = this.embedder;
    return new RidgeRouter(this.candidates.toSpliced(column, 1), this.embedder, {
      lambda: this.lambda,
      weights: this.weights.filter((_, position) => Math.floor(position / dimension) !== column),
      intercepts: this.intercepts.filter((_, row) => row !== column),
    });
  }

  toContent() {
    return {
      header: { kind: "ridge", lambda: this.lambda },
      arrays: { weights: this.weights, intercepts: this.intercepts },
    };
  }

  static fromContent(
    header: z.infer<typeof ridgeHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): RidgeRouter {
    return new RidgeRouter(candidates, embedder, {
      lambda: header.lambda,
      weights: arrays.float64("weights", candidates.length * embedder.dimension),
      intercepts: arrays.float64("intercepts", candidates.length),
    });
  }
}

/**
 * @param options.lambdas - penalties to choose from by leave-one-out error on the training prompts
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT when a penalty is not positive
 */
export async function trainRidge(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: { readonly lambdas?: readonly number[] } = {},
): Promise<RidgeRouter> {
  const { lambdas = DEFAULT_LAMBDAS } = options;
  if (lambdas.length === 0 || !lambdas.every((lambda) => lambda > 0 && Number.isFinite(lambda))) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `lambdas are [${lambdas.join(", ")}], expected positive numbers`,
    );
  }
  const data = trainingData(records, candidates);
  const fit = fitRidge(
    {
      rows: data.prompts.length,
      features: embedder.dimension,
      targets: candidates.length,
      x: await embedMatrix(embedder, data.prompts),
      y: flattenRows(data.normalised, candidates.length),
    },
    [...lambdas].sort((a, b) => a - b),
  );
  return new RidgeRouter(data.candidates, embedder, fit);
}
