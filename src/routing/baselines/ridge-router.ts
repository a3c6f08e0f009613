/** One linear map from the prompt's embedding to every candidate's normalised score. */
import { z } from "zod";
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import type { BundleArrays } from "../bundle.ts";
import { type Embedder, embedMatrix } from "../embedding/index.ts";
import type { RoutingQuery } from "../router.ts";
import { linearScores } from "./linear-scores.ts";
import type { SavableRouter } from "./parts.ts";
import { fitRidge } from "./ridge.ts";
import { flattenRows, trainingData } from "./training-data.ts";

/** Half decades from 0.001 to 10,000: for unit-length embeddings of up to a million prompts this spans both ends. */
export const DEFAULT_LAMBDAS: readonly number[] = Array.from(
  { length: 15 },
  (_, index) => 10 ** (index / 2 - 3),
);

export const ridgeHeaderSchema = z.object({ kind: z.literal("ridge"), lambda: z.number().positive() });

/** Scores are predictions of the score that is min-max normalised within the prompt. */
export class RidgeRouter implements SavableRouter {
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
