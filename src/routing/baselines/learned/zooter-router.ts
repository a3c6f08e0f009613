/** A distribution over candidates learned from the distribution of their rewards. */
import { z } from "zod";
import type { Value } from "../../../graph/ir.ts";
import type { JudgedRecord } from "../../../judged/record.ts";
import { klDivergence, reverseKlDivergence } from "../../../losses/index.ts";
import { linearSpecs, namedLinear } from "../../../nn/index.ts";
import { softmax } from "../../../statistics/stable-functions.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { BundleArrays } from "../../bundle.ts";
import type { Embedder } from "../../embedding/index.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { type LinearMap, linearScores } from "../linear-scores.ts";
import { freezePrompts } from "./frozen-prompts.ts";
import { HEAD_TRAINING, type Head, type HeadTraining, headTraining, trainHead } from "./head-training.ts";
import { stackRows } from "./stack-rows.ts";

/** In the released code of Lookahead. */
const DEFAULT_TEMPERATURE = 0.1;

const DEFAULT_TRAINING: HeadTraining = { ...HEAD_TRAINING, learningRate: 1e-3 };

export const zooterHeaderSchema = z.object({ kind: z.literal("zooter") });

/** "forward" is KL(rewards || router), which covers every good candidate; "reverse" may settle on one of them. */
export type KlDirection = "forward" | "reverse";

/** Scores are softmax(W x + b): the share of the reward distribution that each candidate is expected to get. */
export class ZooterRouter extends EmbeddingRouter {
  override readonly name: string = "zooter";
  readonly map: LinearMap;

  constructor(candidates: readonly string[], embedder: Embedder, map: LinearMap) {
    super(candidates, embedder);
    this.map = map;
  }

  override scoresOf(vector: Float32Array): Float64Array {
    return softmax(linearScores(this.map, vector));
  }

  override toContent() {
    const { weights, intercepts } = this.map;
    return { header: { kind: "zooter" }, arrays: { weights, intercepts } };
  }

  static fromContent(arrays: BundleArrays, candidates: readonly string[], embedder: Embedder): ZooterRouter {
    return new ZooterRouter(candidates, embedder, {
      weights: arrays.float32("weights", candidates.length * embedder.dimension),
      intercepts: arrays.float32("intercepts", candidates.length),
    });
  }
}

/**
 * KL(softmax(s / temperature) || softmax(W x + b)), or the other way round.
 *
 * @param rewards one row per prompt, one reward per candidate
 */
export function zooterHead(
  rewards: readonly Float64Array[],
  dimension: number,
  options: { readonly temperature: number; readonly direction: KlDirection },
): Head {
  const { temperature, direction } = options;
  const width = rewards[0]!.length;
  const targets = rewards.map((row) => softmax(row.map((reward) => reward / temperature)));
  const divergence = direction === "forward" ? klDivergence : reverseKlDivergence;
  return {
    specs: linearSpecs("head", dimension, width, 0.01),
    loss: (parameters, prompts: Value) => {
      const logits = namedLinear(parameters, "head", prompts);
      return divergence(logits, prompts.graph.input("targets", "float32", logits.shape));
    },
    feeds: (rows) => ({ targets: stackRows(targets, rows, width) }),
  };
}

/**
 * Rewards are scores min-max normalised within the prompt.
 *
 * Source: "Routing to the expert: efficient reward-guided ensemble of large language models", arXiv 2311.08692,
 * equation 3, without its tag-based label enhancement: a linear head on the frozen embedding, no fine-tuned encoder.
 *
 * @param options.temperature - of the reward distribution, @default 0.1
 * @param options.direction - @default "forward", as the paper
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for an option out of range
 */
export async function trainZooter(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: Partial<HeadTraining> & {
    readonly temperature?: number;
    readonly direction?: KlDirection;
  } = {},
): Promise<ZooterRouter> {
  const { temperature = DEFAULT_TEMPERATURE, direction = "forward" } = options;
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new TuttiError("INVALID_ARGUMENT", `temperature is ${temperature}, expected a positive number`);
  }
  const training = headTraining(DEFAULT_TRAINING, options);
  const prompts = await freezePrompts(records, candidates, embedder, training);
  const head = zooterHead(prompts.data.normalised, prompts.dimension, { temperature, direction });
  const { parameters } = await trainHead(head, prompts, training);
  return new ZooterRouter(prompts.data.candidates, embedder, {
    weights: parameters["head.weight"]!.data,
    intercepts: parameters["head.bias"]!.data,
  });
}
