/** Supervised fine-tuning of a causal language model as a training task: full, partial, or through an adapter. */
import type { Graph } from "../graph/ir.ts";
import { causalCrossEntropy } from "../models/causal-families.ts";
import type { CausalModel } from "../models/causal-model.ts";
import { neftuneBound, withEmbeddingNoise } from "../nn/embedding-noise.ts";
import { type NarrowedParameters, narrowParameters } from "../nn/half-parameters.ts";
import { withLora } from "../nn/lora.ts";
import type { HalfParameters, Parameters, ParameterValues } from "../nn/parameters.ts";
import type { ParameterGroup } from "../optim/optimizer.ts";
import { TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32, int32 } from "../tensor/host-tensor.ts";
import { fillUniform, streamOf } from "../tensor/random.ts";
import { type Batching, type BatchPlan, planBatches } from "./batch-plans.ts";
import {
  type CommonFineTuningOptions,
  checkCommonOptions,
  chooseTrained,
  type FineTuningTask,
  labelFeeds,
} from "./fine-tuning.ts";
import { countTargets, stackSequences, type TokenSequence } from "./sequence-rows.ts";
import type { Bucket, MicroBatch, StepOutputs, TrainingTask } from "./task.ts";

export interface FineTuningExample extends TokenSequence {
  /** Named in errors. */
  readonly id: string;
}

export interface FineTuningOptions extends CommonFineTuningOptions {
  readonly batching: Batching;
  /** Rows of one forward pass: batches with more are computed in several micro-batches. @default all of a batch */
  readonly rowsAtOnce?: number;
  /** The model's frozen matrices in half precision, from {@link narrowFrozenMatrices}. */
  readonly half?: HalfParameters;
  /**
   * Uniform noise on the rows looked up in the embedding table, before what Gemma and others do to them. Each sequence of a
   * packed row has noise by its own length. @default none
   */
  readonly neftune?: { readonly alpha: number };
  /** False measures: no dropout, of the model or the adapter. @default true */
  readonly isTraining?: boolean;
}

export type CausalLanguageModelTask = FineTuningTask;

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
  checkOptions(model, kept, options);
  const { accumulation } = options;
  const trained = chooseTrained(model.specs, options);
  const plans = planBatches(
    kept.map(({ ids }) => ids.length),
    options.batching,
    options.seed,
  );
  const { rowsAtOnce = plans.rowsPerBatch } = options;
  return {
    ...trained,
    ...(options.half && { half: options.half }),
    ...(options.recompute && { recompute: options.recompute }),
    totalSteps: Math.ceil((plans.batchesPerEpoch * options.epochs) / accumulation),
    leftOut: examples.filter((example) => countTargets(example) === 0).map(({ id }) => id),
    build: (graph, parameters, bucket) => buildStep(model, options, graph, parameters, bucket),
    microBatches(step) {
      const batches = Array.from({ length: accumulation }, (_, index) =>
        plans.batch(step * accumulation + index),
      );
      const targets = batches.flatMap(({ rows }) => rows.flat()).map((index) => countTargets(kept[index]!));
      const scale = 1 / targets.reduce((sum, count) => sum + count, 0);
      return batches.flatMap((plan, index) => {
        const draw = options.neftune && {
          ...options.neftune,
          seed: options.seed,
          number: step * accumulation + index,
        };
        const noise = draw && embeddingNoise(kept, plan, model.config.hiddenSize, draw);
        return piecesOf(plan, rowsAtOnce).map((piece, number) => {
          const batch = microBatch(kept, piece, rowsAtOnce, options.paddingId, scale);
          if (!noise) return batch;
          const part = noisePart(noise, number * rowsAtOnce, rowsAtOnce);
          return { ...batch, feeds: { ...batch.feeds, embedding_noise: part } };
        });
      });
    },
  };
}

function checkOptions(
  model: CausalModel,
  examples: readonly FineTuningExample[],
  options: FineTuningOptions,
): void {
  const { rowsAtOnce = 1 } = options;
  if (!Number.isInteger(rowsAtOnce) || rowsAtOnce < 1) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `rows at once must be a positive integer, received ${rowsAtOnce}`,
    );
  }
  // Positions begin anew with every example of a row, so that a row may be longer.
  const tooLong = examples.find(({ ids }) => ids.length > model.config.maxPositions);
  if (tooLong) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `example ${tooLong.id} has ${tooLong.ids.length} tokens, the model has ${model.config.maxPositions} positions`,
      { hint: `cut the examples (maxTokens, --max-tokens ${model.config.maxPositions})` },
    );
  }
  checkCommonOptions(options);
}

function buildStep(
  model: CausalModel,
  { adapter, neftune, isTraining = true }: Pick<FineTuningOptions, "adapter" | "neftune" | "isTraining">,
  graph: Graph,
  declared: ParameterValues,
  bucket: Bucket,
): StepOutputs {
  const { batch, tokens, targets } = bucket as { batch: number; tokens: number; targets: number };
  const adapted = withLora(declared, model.specs, adapter ? [adapter] : [], { isTraining });
  const shape = [batch, tokens, model.config.hiddenSize];
  const parameters = neftune
    ? withEmbeddingNoise(adapted, model.embedding, graph.input("embedding_noise", "float32", shape))
    : adapted;
  const inputs = {
    inputIds: graph.input("input_ids", "int32", [batch, tokens]),
    positionIds: graph.input("position_ids", "int32", [batch, tokens]),
    attentionBias: graph.input("attention_bias", "float32", [batch, 1, tokens, tokens]),
    isCausalByPlace: true,
    positions: Math.min(tokens, model.config.maxPositions),
  };
  const hidden = model.decoder(parameters, inputs, { isTraining });
  const loss = causalCrossEntropy(model, parameters, hidden, {
    positions: graph.input("target_positions", "int32", [targets]),
    labels: graph.input("target_tokens", "int32", [targets]),
    scale: graph.input("target_scale", "float32", []),
  });
  return { loss, metrics: {} };
}

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
  const { targetPositions, targetTokens } = stacked;
  const { targets, feeds } = labelFeeds(targetPositions, targetTokens, batch * tokens, scale);
  return {
    bucket: { batch, tokens, targets },
    weight: targetPositions.length,
    recordIds: rows.flat().map(({ id }) => id),
    feeds: {
      input_ids: int32([batch, tokens], stacked.inputIds),
      position_ids: int32([batch, tokens], stacked.positionIds),
      attention_bias: float32([batch, 1, tokens, tokens], stacked.attentionBias),
      ...feeds,
    },
  };
}

/** The plan cut after every `most` rows. */
function piecesOf({ rows, tokens }: BatchPlan, most: number): BatchPlan[] {
  return Array.from({ length: Math.ceil(rows.length / most) }, (_, index) => ({
    tokens,
    rows: rows.slice(index * most, (index + 1) * most),
  }));
}

/** NEFTune's noise f32 [rows, T, H] of a plan, a function of seed and number of the batch; none where there is padding. */
function embeddingNoise(
  examples: readonly FineTuningExample[],
  { rows, tokens }: BatchPlan,
  width: number,
  { alpha, seed, number }: { readonly alpha: number; readonly seed: number; readonly number: number },
): Float32Tensor {
  const noise = new Float32Array(rows.length * tokens * width);
  const key = { seed, stream: streamOf("embedding noise") };
  fillUniform(noise, 1, key, number);
  for (const [row, members] of rows.entries()) {
    let start = row * tokens;
    for (const index of members) {
      const { length } = examples[index]!.ids;
      const bound = neftuneBound(alpha, length, width);
      for (let at = start * width; at < (start + length) * width; at++) noise[at]! *= bound;
      start += length;
    }
    noise.fill(0, start * width, (row + 1) * tokens * width);
  }
  return float32([rows.length, tokens, width], noise);
}

/** `count` rows of the noise from `first` on, zeros where it has no more. */
function noisePart({ shape, data }: Float32Tensor, first: number, count: number): Float32Tensor {
  const [, tokens, width] = shape as [number, number, number];
  const part = new Float32Array(count * tokens * width);
  part.set(data.subarray(first * tokens * width, (first + count) * tokens * width));
  return float32([count, tokens, width], part);
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
