/** A bilinear form between models and prompts, learned from which of two candidates won. */
import { z } from "zod";
import * as ops from "../../../graph/functions.ts";
import type { Value } from "../../../graph/ir.ts";
import type { JudgedRecord } from "../../../judged/record.ts";
import {
  linearSpecs,
  matrix,
  namedLinear,
  type Parameters,
  type ParameterValues,
} from "../../../nn/index.ts";
import { TuttiError } from "../../../support/errors.ts";
import { float32 } from "../../../tensor/host-tensor.ts";
import { staticShape } from "../../../tensor/shape.ts";
import type { BundleArrays } from "../../bundle.ts";
import { dot } from "../../embedding/dot.ts";
import { type Embedder, normaliseLength } from "../../embedding/index.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { type LinearMap, linearScores } from "../linear-scores.ts";
import { freezePrompts } from "./frozen-prompts.ts";
import { HEAD_TRAINING, type Head, type HeadTraining, headTraining, trainHead } from "./head-training.ts";
import { unitRows } from "./unit-rows.ts";

/** Width of model embeddings in RouteLLM. */
const DEFAULT_WIDTH = 128;

/** Learning rate and weight decay of RouteLLM's training script. */
const DEFAULT_TRAINING: HeadTraining = { ...HEAD_TRAINING, learningRate: 3e-4, weightDecay: 1e-5 };

export const matrixFactorisationHeaderSchema = z.object({
  kind: z.literal("matrix-factorisation"),
  width: z.int().positive(),
});

/** Learned arrays, all float32. */
export interface MatrixFactorisation {
  /** v, [candidates, width] row-major; scaled to length 1 before use. */
  readonly models: Float32Array;
  /** W1, [width, dimension] row-major, and b, [width]. */
  readonly projection: Float32Array;
  readonly projectionBias: Float32Array;
  /** w2, [width] */
  readonly classifier: Float32Array;
}

/** The scores are linear in the prompt: row m of the map is (w2 * v_m / |v_m|) W1. */
function foldedMap(
  { models, projection, projectionBias, classifier }: MatrixFactorisation,
  dimension: number,
): LinearMap {
  const width = classifier.length;
  const count = models.length / width;
  const weights = new Float64Array(count * dimension);
  const intercepts = new Float64Array(count);
  for (let model = 0; model < count; model++) {
    const unit = normaliseLength(models.slice(model * width, (model + 1) * width));
    const factors = unit.map((value, k) => value * classifier[k]!);
    intercepts[model] = dot(factors, 0, projectionBias, 0, width);
    for (let k = 0; k < width; k++) {
      for (let column = 0; column < dimension; column++) {
        weights[model * dimension + column]! += factors[k]! * projection[k * dimension + column]!;
      }
    }
  }
  return { weights, intercepts };
}

/**
 * delta(m, x) = w2 . (v_m / |v_m| * (W1 x + b)); candidate a beats b with probability sigmoid(delta(a) - delta(b)).
 *
 * Source: RouteLLM, arXiv 2406.18665, section 4.2 (matrix factorisation) and its released code, which normalises v.
 */
export class MatrixFactorisationRouter extends EmbeddingRouter {
  override readonly name: string = "matrix-factorisation";
  readonly factors: MatrixFactorisation;
  private readonly map: LinearMap;

  constructor(candidates: readonly string[], embedder: Embedder, factors: MatrixFactorisation) {
    super(candidates, embedder);
    this.factors = factors;
    this.map = foldedMap(factors, embedder.dimension);
  }

  override scoresOf(vector: Float32Array): Float64Array {
    return linearScores(this.map, vector);
  }

  override toContent() {
    const header = { kind: "matrix-factorisation", width: this.factors.classifier.length };
    return { header, arrays: { ...this.factors } };
  }

  static fromContent(
    { width }: z.infer<typeof matrixFactorisationHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): MatrixFactorisationRouter {
    return new MatrixFactorisationRouter(candidates, embedder, {
      models: arrays.float32("models", candidates.length * width),
      projection: arrays.float32("projection", width * embedder.dimension),
      projectionBias: arrays.float32("projectionBias", width),
      classifier: arrays.float32("classifier", width),
    });
  }
}

/** delta of every candidate: f32 [rows, candidates]. */
function deltas(parameters: ParameterValues, prompts: Value): Value {
  const factors = ops.mul(unitRows(parameters("models")), parameters("classifier.weight"));
  return ops.matmul(namedLinear(parameters, "projection", prompts), factors, { transposeB: true });
}

/**
 * Mean over all pairs (winner, loser) of the batch of softplus(delta(loser) - delta(winner)) = -log P(winner wins).
 *
 * @param scores one row per prompt; pairs of equal scores teach nothing
 */
export function matrixFactorisationHead(
  scores: readonly Float64Array[],
  dimension: number,
  width: number,
): Head {
  const count = scores[0]!.length;
  return {
    specs: {
      models: matrix(count, width, 1),
      ...linearSpecs("projection", dimension, width, 1 / Math.sqrt(dimension)),
      "classifier.weight": matrix(1, width, 1 / Math.sqrt(width)),
    },
    loss: (parameters, prompts) => {
      const delta = deltas(parameters, prompts);
      const [rows] = staticShape(delta.shape) as [number, number];
      const winner = ops.reshape(delta, [rows, count, 1]);
      const loser = ops.reshape(delta, [rows, 1, count]);
      const shares = prompts.graph.input("win_shares", "float32", [rows, count, count]);
      return ops.sumAll(ops.mul(shares, ops.softplus(ops.sub(loser, winner))));
    },
    feeds: (rows) => ({ win_shares: float32([rows.length, count, count], winShares(scores, rows, count)) }),
  };
}

/** 1 / pairs where the first candidate scored higher than the second, else 0. */
function winShares(scores: readonly Float64Array[], rows: Uint32Array, count: number): Float32Array {
  const shares = new Float32Array(rows.length * count * count);
  let pairs = 0;
  let offset = 0;
  for (const row of rows) {
    const own = scores[row]!;
    for (let winner = 0; winner < count; winner++) {
      for (let loser = 0; loser < count; loser++, offset++) {
        if (own[winner]! <= own[loser]!) continue;
        shares[offset] = 1;
        pairs++;
      }
    }
  }
  return pairs === 0 ? shares : shares.map((share) => share / pairs);
}

export function matrixFactorisationOf(parameters: Parameters): MatrixFactorisation {
  return {
    models: parameters.models!.data,
    projection: parameters["projection.weight"]!.data,
    projectionBias: parameters["projection.bias"]!.data,
    classifier: parameters["classifier.weight"]!.data,
  };
}

/**
 * @param options.width - of the model embeddings, @default 128
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for an option out of range
 */
export async function trainMatrixFactorisation(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: Partial<HeadTraining> & { readonly width?: number } = {},
): Promise<MatrixFactorisationRouter> {
  const { width = DEFAULT_WIDTH } = options;
  if (!Number.isInteger(width) || width < 1) {
    throw new TuttiError("INVALID_ARGUMENT", `width is ${width}, expected a positive integer`);
  }
  const training = headTraining(DEFAULT_TRAINING, options);
  const prompts = await freezePrompts(records, candidates, embedder, training);
  const head = matrixFactorisationHead(prompts.data.scores, prompts.dimension, width);
  const { parameters } = await trainHead(head, prompts, training);
  const factors = matrixFactorisationOf(parameters);
  return new MatrixFactorisationRouter(prompts.data.candidates, embedder, factors);
}
