/** Supervised fine-tuning of a causal language model as a training task: full, partial, or through an adapter. */
import type { Graph, RegionKind } from "../graph/ir.ts";
import { causalCrossEntropy } from "../models/causal-families.ts";
import type { CausalModel } from "../models/causal-model.ts";
import { type NarrowedParameters, narrowParameters } from "../nn/half-parameters.ts";
import { type LoraConfig, loraSpecs, withLora } from "../nn/lora.ts";
import type { HalfParameters, Parameters, ParameterValues } from "../nn/parameters.ts";
import type { ParameterGroup } from "../optim/optimizer.ts";
import { TuttiError } from "../support/errors.ts";
import { float32, int32 } from "../tensor/host-tensor.ts";
import { type Batching, type BatchPlan, planBatches } from "./batch-plans.ts";
import { countTargets, stackSequences, type TokenSequence } from "./sequence-rows.ts";
import type { Bucket, MicroBatch, StepOutputs, TrainingTask } from "./task.ts";

export interface FineTuningExample extends TokenSequence {
  /** Named in errors. */
  readonly id: string;
}

export interface FineTuningOptions {
  readonly seed: number;
  readonly epochs: number;
  readonly batching: Batching;
  /** Micro-batches per optimiser step. */
  readonly accumulation: number;
  /** Fills rows; never looked at, so any id of the vocabulary does. */
  readonly paddingId: number;
  /** Train this adapter alone; the parameters must hold its own beside the model's. */
  readonly adapter?: LoraConfig;
  /** The model's frozen matrices in half precision, from {@link narrowFrozenMatrices}. */
  readonly half?: HalfParameters;
  /** Regions of the model to compute twice rather than keep; see {@link TrainingTask}. */
  readonly recompute?: readonly RegionKind[];
  /** Without an adapter: whether a parameter is trained. @default all are */
  readonly isTrained?: (name: string) => boolean;
}

export interface CausalLanguageModelTask extends TrainingTask {
  readonly trainable: readonly string[];
  /** Optimiser steps of all epochs. */
  readonly totalSteps: number;
  /** Ids of the examples without a target, which are left out. */
  readonly leftOut: readonly string[];
}

/**
 * The mean over the targets of an optimiser step of -log p(token | tokens before it), in nats; micro-batches carry
 * their share of it, so accumulation equals one large batch.
 *
 * @throws {TuttiError} DATASET_INVALID when no example has a target; INVALID_ARGUMENT when rows are longer than the
 *   model has positions, an example is longer than a row, or nothing is trained
 */
export function createCausalLanguageModelTask(
  model: CausalModel,
  examples: readonly FineTuningExample[],
  options: FineTuningOptions,
): CausalLanguageModelTask {
  const kept = examples.filter((example) => countTargets(example) > 0);
  if (kept.length === 0) {
    throw new TuttiError("DATASET_INVALID", `none of ${examples.length} examples has a token to learn`, {
      hint: "check roles of the messages and the length that examples are cut to",
    });
  }
  checkOptions(model, options);
  const { adapter, accumulation } = options;
  const adapterSpecs = adapter ? loraSpecs(model.specs, adapter) : {};
  const trainable = adapter
    ? Object.keys(adapterSpecs)
    : Object.keys(model.specs).filter(options.isTrained ?? (() => true));
  if (trainable.length === 0) throw new TuttiError("INVALID_ARGUMENT", "isTrained chooses no parameter");
  const plans = planBatches(
    kept.map(({ ids }) => ids.length),
    options.batching,
    options.seed,
  );
  return {
    specs: { ...model.specs, ...adapterSpecs },
    trainable,
    ...(options.half && { half: options.half }),
    ...(options.recompute && { recompute: options.recompute }),
    totalSteps: Math.ceil((plans.batchesPerEpoch * options.epochs) / accumulation),
    leftOut: examples.filter((example) => countTargets(example) === 0).map(({ id }) => id),
    build: (graph, parameters, bucket) => buildStep(model, adapter, graph, parameters, bucket),
    microBatches(step) {
      const batches = Array.from({ length: accumulation }, (_, index) =>
        plans.batch(step * accumulation + index),
      );
      const targets = batches.flatMap(({ rows }) => rows.flat()).map((index) => countTargets(kept[index]!));
      const scale = 1 / targets.reduce((sum, count) => sum + count, 0);
      return batches.map((plan) => microBatch(kept, plan, plans.rowsPerBatch, options.paddingId, scale));
    },
  };
}

function checkOptions(model: CausalModel, { batching, accumulation, epochs }: FineTuningOptions): void {
  const longest = batching.kind === "packed" ? batching.tokensPerRow : Math.max(...batching.bucketTokens);
  if (longest > model.config.maxPositions) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `rows of ${longest} tokens need as many positions, the model has ${model.config.maxPositions}`,
      { hint: "shorten the rows" },
    );
  }
  if (!Number.isInteger(accumulation) || accumulation < 1 || !(epochs > 0)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `accumulation must be a positive integer and epochs above 0, received ${accumulation} and ${epochs}`,
    );
  }
}

function buildStep(
  model: CausalModel,
  adapter: LoraConfig | undefined,
  graph: Graph,
  declared: ParameterValues,
  bucket: Bucket,
): StepOutputs {
  const { batch, tokens, targets } = bucket as { batch: number; tokens: number; targets: number };
  const parameters = withLora(declared, model.specs, adapter ? [adapter] : [], { isTraining: true });
  const inputs = {
    inputIds: graph.input("input_ids", "int32", [batch, tokens]),
    positionIds: graph.input("position_ids", "int32", [batch, tokens]),
    attentionBias: graph.input("attention_bias", "float32", [batch, 1, tokens, tokens]),
    positions: tokens,
  };
  const hidden = model.decoder(parameters, inputs, { isTraining: true });
  const loss = causalCrossEntropy(model, parameters, hidden, {
    positions: graph.input("target_positions", "int32", [targets]),
    labels: graph.input("target_tokens", "int32", [targets]),
    scale: graph.input("target_scale", "float32", []),
  });
  return { loss, metrics: {} };
}

/** Target counts are padded to quarters of a batch's tokens: four compiled steps a length, not hundreds. */
const TARGET_PARTS = 4;

function microBatch(
  examples: readonly FineTuningExample[],
  plan: BatchPlan,
  batch: number,
  paddingId: number,
  scale: number,
): MicroBatch {
  const { tokens } = plan;
  const rows = plan.rows.map((row) => row.map((index) => examples[index]!));
  const stacked = stackSequences(rows, batch, tokens, paddingId);
  const part = Math.ceil((batch * tokens) / TARGET_PARTS);
  const targets = Math.ceil(stacked.targetTokens.length / part) * part;
  const targetPositions = new Int32Array(targets);
  const targetTokens = new Int32Array(targets).fill(-100);
  targetPositions.set(stacked.targetPositions);
  targetTokens.set(stacked.targetTokens);
  return {
    bucket: { batch, tokens, targets },
    recordIds: rows.flat().map(({ id }) => id),
    feeds: {
      input_ids: int32([batch, tokens], stacked.inputIds),
      position_ids: int32([batch, tokens], stacked.positionIds),
      attention_bias: float32([batch, 1, tokens, tokens], stacked.attentionBias),
      target_positions: int32([targets], targetPositions),
      target_tokens: int32([targets], targetTokens),
      target_scale: float32([], [scale]),
    },
  };
}

/**
 * Takes the frozen matrices of the model's layers out of its parameters, into half precision. What has a row for every
 * token (embeddings, output head) stays: widened whole, it would take more memory than is saved.
 *
 * @param isTrained which of the model's own parameters are trained @default none, as with an adapter
 */
export function narrowFrozenMatrices(
  model: Pick<CausalModel, "specs" | "config">,
  parameters: Parameters,
  isTrained: (name: string) => boolean = () => false,
): NarrowedParameters {
  const names = Object.entries(model.specs)
    .filter(([name, { shape }]) => shape.length === 2 && !isTrained(name))
    .filter(([, { shape }]) => shape[0] !== model.config.vocabularySize)
    .map(([name]) => name);
  return narrowParameters(parameters, names);
}

/** Two groups: trained matrices with weight decay, the other trained parameters without. */
export function parameterGroups(
  task: Pick<TrainingTask, "specs" | "trainable">,
  { learningRate, weightDecay }: { readonly learningRate: number; readonly weightDecay: number },
): ParameterGroup[] {
  const names = task.trainable ?? Object.keys(task.specs);
  return [true, false].map((decays) => ({
    names: names.filter((name) => task.specs[name]!.decays === decays),
    learningRate,
    weightDecay: decays ? weightDecay : 0,
  }));
}
