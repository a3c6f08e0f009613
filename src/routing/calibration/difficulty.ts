/**
 * How well the candidates do on a prompt on average, as its embedding tells: most routers are trained to compare the
 * candidates of one prompt, and their scores do not say whether the prompt is easy.
 *
 * Ridge regression of the mean absolute quality over the candidates on the embedding, given as log odds.
 */
import { z } from "zod";
import { type JudgedRecord, promptText } from "../../judged/index.ts";
import { fitRidge } from "../baselines/ridge.ts";
import type { BundleArrays, BundleContent } from "../bundle.ts";
import { dot } from "../embedding/dot.ts";
import { type Embedder, embedMatrix } from "../embedding/index.ts";
import { routingTargets } from "../labels.ts";
import { logit } from "./logistic.ts";

/** Half decades from 0.01 to 10,000. */
const PENALTIES = Array.from({ length: 13 }, (_, index) => 10 ** (index / 2 - 2));
/** A linear map of a mean of qualities may leave [0, 1]; log odds beyond these are not believed. */
const [LOWEST, HIGHEST] = [0.02, 0.98];

export const difficultyHeaderSchema = z.strictObject({
  embedder: z.strictObject({ kind: z.string(), dimension: z.int().positive() }),
  penalty: z.number().positive(),
  trainingPrompts: z.int().positive(),
  intercept: z.number(),
});

export type DifficultyHeader = z.infer<typeof difficultyHeaderSchema>;

export class DifficultyModel {
  readonly header: DifficultyHeader;
  readonly embedder: Embedder;
  private readonly weights: Float64Array;

  constructor(header: DifficultyHeader, embedder: Embedder, weights: Float64Array) {
    this.header = header;
    this.embedder = embedder;
    this.weights = weights;
  }

  /** Log odds of the mean quality over the candidates, one per prompt: the higher, the easier. */
  async logOdds(prompts: readonly string[]): Promise<Float64Array> {
    const vectors = await this.embedder.embed(prompts);
    const { dimension } = this.embedder;
    return Float64Array.from(vectors, (vector) => {
      const mean = this.header.intercept + dot(this.weights, 0, vector, 0, dimension);
      return logit(Math.min(HIGHEST, Math.max(LOWEST, mean)));
    });
  }

  toContent(): BundleContent {
    return { header: this.header, arrays: { weights: this.weights } };
  }

  static fromContent(header: DifficultyHeader, arrays: BundleArrays, embedder: Embedder): DifficultyModel {
    return new DifficultyModel(header, embedder, arrays.float64("weights", header.embedder.dimension));
  }
}

/** @throws {TuttiError} RECORD_INVALID when a record lacks a candidate's finite score */
export async function trainDifficulty(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
): Promise<DifficultyModel> {
  const y = Float64Array.from(routingTargets(records, candidates), ({ absolute }) => {
    return absolute.reduce((sum, quality) => sum + quality, 0) / absolute.length;
  });
  const prompts = records.map(({ prompt }) => promptText(prompt));
  const x = await embedMatrix(embedder, prompts);
  const { dimension, kind } = embedder;
  const fit = fitRidge({ rows: records.length, features: dimension, targets: 1, x, y }, PENALTIES);
  const header = {
    embedder: { kind, dimension },
    penalty: fit.lambda,
    trainingPrompts: records.length,
    intercept: fit.intercepts[0]!,
  };
  return new DifficultyModel(header, embedder, fit.weights);
}
