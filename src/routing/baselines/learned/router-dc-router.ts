/** Dual contrastive learning: prompts move towards models that answer them well, and towards prompts of their kind. */
import { z } from "zod";
import * as ops from "../../../graph/functions.ts";
import type { JudgedRecord } from "../../../judged/record.ts";
import { linearSpecs, matrix, namedLinear, type Parameters } from "../../../nn/index.ts";
import { TuttiError } from "../../../support/errors.ts";
import { float32 } from "../../../tensor/host-tensor.ts";
import { type RandomStream, streamOf } from "../../../tensor/random.ts";
import { staticShape } from "../../../tensor/shape.ts";
import type { BundleArrays } from "../../bundle.ts";
import { dot } from "../../embedding/dot.ts";
import { type Embedder, normaliseLength } from "../../embedding/index.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { kMeans } from "../k-means.ts";
import { type LinearMap, linearScores } from "../linear-scores.ts";
import { contrastiveLoss } from "./contrastive-loss.ts";
import { freezePrompts } from "./frozen-prompts.ts";
import { HEAD_TRAINING, type Head, type HeadTraining, headTraining, trainHead } from "./head-training.ts";
import { stackRows } from "./stack-rows.ts";
import { unitRows } from "./unit-rows.ts";

const DEFAULT_TRAINING: HeadTraining = { ...HEAD_TRAINING, learningRate: 3e-3 };

/** Spread of fresh model embeddings in the released code. */
const MODEL_EMBEDDING_STD = 0.78;

/** A positive must have some merit, a negative must not be good: thresholds of the released code on scores in [0, 1]. */
const LEAST_NEGATIVE_MERIT = 0.5;

export const routerDcHeaderSchema = z.object({ kind: z.literal("router-dc"), width: z.int().positive() });

interface DualEncoder {
  /** k, [candidates, width] row-major. */
  readonly models: Float32Array;
  readonly projection: LinearMap;
}

/**
 * Scores are cos(W x + b, k_m), k_m a learned embedding of candidate m.
 *
 * Source: RouterDC, "query-based router by dual contrastive learning", arXiv 2409.19886, section 3, with a learned
 * projection of the frozen embedding in place of a fine-tuned encoder.
 */
export class RouterDcRouter extends EmbeddingRouter {
  override readonly name: string = "router-dc";
  private readonly encoder: DualEncoder;
  /** Model embeddings of length 1. */
  private readonly directions: readonly Float32Array[];

  constructor(candidates: readonly string[], embedder: Embedder, encoder: DualEncoder) {
    super(candidates, embedder);
    this.encoder = encoder;
    const width = encoder.projection.intercepts.length;
    this.directions = candidates.map((_, model) =>
      normaliseLength(encoder.models.slice(model * width, (model + 1) * width)),
    );
  }

  override scoresOf(vector: Float32Array): Float64Array {
    const projected = linearScores(this.encoder.projection, vector);
    const { length } = projected;
    const norm = Math.sqrt(dot(projected, 0, projected, 0, length)) || 1;
    return Float64Array.from(this.directions, (direction) => dot(projected, 0, direction, 0, length) / norm);
  }

  override toContent() {
    const { models, projection } = this.encoder;
    return {
      header: { kind: "router-dc", width: projection.intercepts.length },
      arrays: {
        models,
        projectionWeights: projection.weights,
        projectionIntercepts: projection.intercepts,
      },
    };
  }

  static fromContent(
    { width }: z.infer<typeof routerDcHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): RouterDcRouter {
    return new RouterDcRouter(candidates, embedder, {
      models: arrays.float32("models", candidates.length * width),
      projection: {
        weights: arrays.float32("projectionWeights", width * embedder.dimension),
        intercepts: arrays.float32("projectionIntercepts", width),
      },
    });
  }
}

export interface RouterDcLoss {
  /** Width of the shared space. */
  readonly width: number;
  /** K+: best candidates of a prompt to move towards. */
  readonly positives: number;
  /** K-: worst candidates to move away from. */
  readonly negatives: number;
  /** H: prompts of other clusters to move away from. */
  readonly outsiders: number;
  /** lambda, weight of the sample-sample loss. */
  readonly sampleWeight: number;
  /** Cosines are divided by this. */
  readonly temperature: number;
}

/** K+, K-, H, lambda and temperature of the released code. */
export const ROUTER_DC_LOSS: RouterDcLoss = {
  width: 128,
  positives: 3,
  negatives: 3,
  outsiders: 3,
  sampleWeight: 1,
  temperature: 1,
};

/** Clusters of prompts in the paper (N). */
const DEFAULT_CLUSTERS = 5;

/** Masks of one prompt over the candidates: the K+ best with any merit, the K- worst that are not good. */
export function sampleModelMasks(
  merits: Float64Array,
  { positives, negatives }: Pick<RouterDcLoss, "positives" | "negatives">,
): { readonly positive: Float32Array; readonly negative: Float32Array } {
  const order = Array.from(merits, (_, column) => column).sort((a, b) => merits[b]! - merits[a]! || a - b);
  const positive = new Float32Array(merits.length);
  const negative = new Float32Array(merits.length);
  for (const column of order.slice(0, positives)) positive[column] = merits[column]! > 0 ? 1 : 0;
  for (const column of order.slice(-negatives)) {
    negative[column] = merits[column]! > LEAST_NEGATIVE_MERIT ? 0 : 1;
  }
  return { positive, negative };
}

/** Masks within a batch: for each prompt one other of its cluster, and `outsiders` of other clusters. */
function sampleSampleMasks(clusters: readonly number[], outsiders: number, stream: RandomStream) {
  const rows = clusters.length;
  const positive = new Float32Array(rows * rows);
  const negative = new Float32Array(rows * rows);
  for (const [row, cluster] of clusters.entries()) {
    const inside: number[] = [];
    const outside: number[] = [];
    for (const [other, its] of clusters.entries()) {
      if (its !== cluster) outside.push(other);
      else if (other !== row) inside.push(other);
    }
    if (inside.length === 0 || outside.length < outsiders) continue;
    positive[row * rows + inside[stream.nextInteger(inside.length)]!] = 1;
    for (let drawn = 0; drawn < outsiders; drawn++) {
      const [other] = outside.splice(stream.nextInteger(outside.length), 1);
      negative[row * rows + other!] = 1;
    }
  }
  return { positive, negative };
}

/**
 * L = L_sample-model + lambda L_sample-sample, both {@link contrastiveLoss} of cosines.
 *
 * @param merits one row per prompt, scores in [0, 1] per candidate
 * @param clusters cluster of each prompt
 */
export function routerDcHead(
  merits: readonly Float64Array[],
  clusters: ArrayLike<number>,
  dimension: number,
  settings: RouterDcLoss,
): Head {
  const count = merits[0]!.length;
  const masks = merits.map((row) => sampleModelMasks(row, settings));
  const positiveModels = masks.map(({ positive }) => positive);
  const negativeModels = masks.map(({ negative }) => negative);
  const { width, sampleWeight, temperature } = settings;
  return {
    specs: {
      models: matrix(count, width, MODEL_EMBEDDING_STD),
      ...linearSpecs("projection", dimension, width, 1 / Math.sqrt(dimension)),
    },
    loss: (parameters, prompts) => {
      const { graph } = prompts;
      const [rows] = staticShape(prompts.shape) as [number, number];
      const queries = unitRows(namedLinear(parameters, "projection", prompts));
      const cosines = { transposeB: true, alpha: 1 / temperature };
      const mask = (name: string, columns: number) => graph.input(name, "float32", [rows, columns]);
      const toModels = contrastiveLoss(
        ops.matmul(queries, unitRows(parameters("models")), cosines),
        mask("positive_models", count),
        mask("negative_models", count),
      );
      const toPrompts = contrastiveLoss(
        ops.matmul(queries, queries, cosines),
        mask("positive_prompts", rows),
        mask("negative_prompts", rows),
      );
      return ops.add(toModels, ops.mul(toPrompts, ops.scalarLike(toPrompts, sampleWeight)));
    },
    feeds: (rows, stream) => {
      const own = Array.from(rows, (row) => clusters[row]!);
      const { positive, negative } = sampleSampleMasks(own, settings.outsiders, stream);
      return {
        positive_models: stackRows(positiveModels, rows, count),
        negative_models: stackRows(negativeModels, rows, count),
        positive_prompts: float32([own.length, own.length], positive),
        negative_prompts: float32([own.length, own.length], negative),
      };
    },
  };
}

export function dualEncoderOf(parameters: Parameters): DualEncoder {
  return {
    models: parameters.models!.data,
    projection: {
      weights: parameters["projection.weight"]!.data,
      intercepts: parameters["projection.bias"]!.data,
    },
  };
}

function checkLoss(settings: RouterDcLoss): void {
  for (const name of ["width", "positives", "negatives", "outsiders"] as const) {
    if (!Number.isInteger(settings[name]) || settings[name] < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `${name} is ${settings[name]}, expected a positive integer`);
    }
  }
  const { temperature, sampleWeight } = settings;
  if (!(temperature > 0.02 && sampleWeight >= 0)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `temperature is ${temperature} and sampleWeight ${sampleWeight}, expected more than 0.02 and at least 0`,
      { hint: "the loss exponentiates cosines divided by the temperature in single precision" },
    );
  }
}

/**
 * Merits are scores min-max normalised within the prompt; clusters come from k-means on the frozen embeddings.
 *
 * @param options.clusters - of prompts for the sample-sample loss, @default 5, at most the prompts
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for an option out of range
 */
export async function trainRouterDc(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: Partial<HeadTraining> & Partial<RouterDcLoss> & { readonly clusters?: number } = {},
): Promise<RouterDcRouter> {
  const settings = { ...ROUTER_DC_LOSS, ...options };
  checkLoss(settings);
  const { clusters = DEFAULT_CLUSTERS } = options;
  if (!Number.isInteger(clusters) || clusters < 1) {
    throw new TuttiError("INVALID_ARGUMENT", `clusters is ${clusters}, expected a positive integer`);
  }
  const training = headTraining(DEFAULT_TRAINING, options);
  const prompts = await freezePrompts(records, candidates, embedder, training);
  const points = { values: prompts.embeddings, dimension: prompts.dimension };
  const key = { seed: training.seed, stream: streamOf("router-dc clusters") };
  const { assignment } = kMeans(points, Math.min(clusters, records.length), key);
  const head = routerDcHead(prompts.data.normalised, assignment, prompts.dimension, settings);
  const { parameters } = await trainHead(head, prompts, training);
  return new RouterDcRouter(prompts.data.candidates, embedder, dualEncoderOf(parameters));
}
