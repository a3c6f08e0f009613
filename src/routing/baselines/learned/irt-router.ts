/** Item response theory: how able a model is, how hard a prompt is, and which abilities the prompt tells apart. */
import { z } from "zod";
import * as ops from "../../../graph/functions.ts";
import type { JudgedRecord } from "../../../judged/record.ts";
import { binaryCrossEntropyWithLogits } from "../../../losses/index.ts";
import { linearSpecs, matrix, namedLinear, type Parameters } from "../../../nn/index.ts";
import { sigmoid, softplus } from "../../../statistics/stable-functions.ts";
import { TuttiError } from "../../../support/errors.ts";
import { sizeOf, staticShape } from "../../../tensor/shape.ts";
import type { BundleArrays } from "../../bundle.ts";
import { dot } from "../../embedding/dot.ts";
import type { Embedder } from "../../embedding/index.ts";
import { routingTargets } from "../../labels.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { type LinearMap, linearScores } from "../linear-scores.ts";
import { freezePrompts } from "./frozen-prompts.ts";
import { HEAD_TRAINING, type Head, type HeadTraining, headTraining, trainHead } from "./head-training.ts";
import { stackRows } from "./stack-rows.ts";

/** Latent abilities in IRT-Router. */
const DEFAULT_ABILITIES = 25;

const DEFAULT_TRAINING: HeadTraining = { ...HEAD_TRAINING, learningRate: 1e-3 };

export const irtHeaderSchema = z.object({ kind: z.literal("irt"), abilities: z.int().positive() });

interface ItemResponseModel {
  /** theta, [candidates, abilities] row-major. */
  readonly abilities: Float32Array;
  /** To log-odds of discrimination: softplus gives a. */
  readonly discrimination: LinearMap;
  readonly difficulty: LinearMap;
}

/** What the model makes of a prompt, for people. */
export interface PromptTraits {
  /** a(x), one positive weight per ability: how much it decides. */
  readonly discrimination: Float64Array;
  /** b(x): the log-odds that an ability of zero fails. */
  readonly difficulty: number;
}

/**
 * P(candidate m answers x well) = sigmoid(a(x) . theta_m - b(x)), a(x) = softplus(A x + c), b(x) = B x + d.
 *
 * Source: the multidimensional two-parameter model of IRT-Router, arXiv 2506.01048, section 3 (MIRT), with a free
 * ability vector per candidate where the paper computes it from an embedded description of the model.
 */
export class IrtRouter extends EmbeddingRouter {
  override readonly name: string = "irt";
  private readonly model: ItemResponseModel;

  constructor(candidates: readonly string[], embedder: Embedder, model: ItemResponseModel) {
    super(candidates, embedder);
    this.model = model;
  }

  override scoresOf(vector: Float32Array): Float64Array {
    const { discrimination, difficulty } = this.traitsOf(vector);
    const count = discrimination.length;
    return Float64Array.from(this.candidates, (_, model) =>
      sigmoid(dot(discrimination, 0, this.model.abilities, model * count, count) - difficulty),
    );
  }

  /** Discrimination and difficulty of one prompt. */
  async traits(prompt: string): Promise<PromptTraits> {
    const [vector] = await this.embedder.embed([prompt]);
    return this.traitsOf(vector!);
  }

  override toContent() {
    const { abilities, discrimination, difficulty } = this.model;
    return {
      header: { kind: "irt", abilities: discrimination.intercepts.length },
      arrays: {
        abilities,
        discriminationWeights: discrimination.weights,
        discriminationIntercepts: discrimination.intercepts,
        difficultyWeights: difficulty.weights,
        difficultyIntercept: difficulty.intercepts,
      },
    };
  }

  static fromContent(
    { abilities }: z.infer<typeof irtHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): IrtRouter {
    return new IrtRouter(candidates, embedder, {
      abilities: arrays.float32("abilities", candidates.length * abilities),
      discrimination: {
        weights: arrays.float32("discriminationWeights", abilities * embedder.dimension),
        intercepts: arrays.float32("discriminationIntercepts", abilities),
      },
      difficulty: {
        weights: arrays.float32("difficultyWeights", embedder.dimension),
        intercepts: arrays.float32("difficultyIntercept", 1),
      },
    });
  }

  private traitsOf(vector: Float32Array): PromptTraits {
    return {
      discrimination: linearScores(this.model.discrimination, vector).map(softplus),
      difficulty: linearScores(this.model.difficulty, vector)[0]!,
    };
  }
}

/**
 * Mean binary cross-entropy of sigmoid(a(x) . theta_m - b(x)) over prompts and candidates.
 *
 * @param targets one row per prompt, in [0, 1] per candidate
 */
export function irtHead(targets: readonly Float64Array[], dimension: number, abilities: number): Head {
  const count = targets[0]!.length;
  return {
    specs: {
      abilities: matrix(count, abilities, 1 / Math.sqrt(abilities)),
      ...linearSpecs("discrimination", dimension, abilities, 1 / Math.sqrt(dimension)),
      ...linearSpecs("difficulty", dimension, 1, 0.01),
    },
    loss: (parameters, prompts) => {
      const { graph } = prompts;
      const discrimination = ops.softplus(namedLinear(parameters, "discrimination", prompts));
      const able = ops.matmul(discrimination, parameters("abilities"), { transposeB: true });
      const logits = ops.sub(able, namedLinear(parameters, "difficulty", prompts));
      const shape = staticShape(logits.shape);
      const weights = new Float32Array(sizeOf(shape)).fill(1 / sizeOf(shape));
      return binaryCrossEntropyWithLogits(
        logits,
        graph.input("targets", "float32", shape),
        graph.constant("float32", shape, weights),
      );
    },
    feeds: (rows) => ({ targets: stackRows(targets, rows, count) }),
  };
}

export function itemResponseModelOf(parameters: Parameters): ItemResponseModel {
  const map = (name: string): LinearMap => ({
    weights: parameters[`${name}.weight`]!.data,
    intercepts: parameters[`${name}.bias`]!.data,
  });
  return {
    abilities: parameters.abilities!.data,
    discrimination: map("discrimination"),
    difficulty: map("difficulty"),
  };
}

/**
 * Learns from how good each answer is on its benchmark's own scale (see {@link routingTargets}, `absolute`).
 *
 * @param options.abilities - latent abilities per model, @default 25
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for an option out of range
 */
export async function trainIrt(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: Partial<HeadTraining> & { readonly abilities?: number } = {},
): Promise<IrtRouter> {
  const { abilities = DEFAULT_ABILITIES } = options;
  if (!Number.isInteger(abilities) || abilities < 1) {
    throw new TuttiError("INVALID_ARGUMENT", `abilities is ${abilities}, expected a positive integer`);
  }
  const training = headTraining(DEFAULT_TRAINING, options);
  const prompts = await freezePrompts(records, candidates, embedder, training);
  const targets = routingTargets(records, candidates).map(({ absolute }) => absolute);
  const { parameters } = await trainHead(irtHead(targets, prompts.dimension, abilities), prompts, training);
  return new IrtRouter(prompts.data.candidates, embedder, itemResponseModelOf(parameters));
}
