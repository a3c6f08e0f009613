/** A Lookahead model and its examples as a training task. */
import type { Graph } from "../../graph/ir.ts";
import type { ParameterValues } from "../../nn/parameters.ts";
import { float32, int32 } from "../../tensor/host-tensor.ts";
import { streamOf } from "../../tensor/random.ts";
import type { Bucket, MicroBatch, StepOutputs, TrainingTask } from "../../train/task.ts";
import { type BatchPlan, BatchSchedule } from "./batches.ts";
import { type EncodedExample, type Row, rowTokens } from "./layout.ts";
import { lookaheadLoss, lookaheadSpecs } from "./model.ts";
import { rowsPerPrompt, trainingRows } from "./rows.ts";
import type { LookaheadSettings } from "./settings.ts";

export interface LookaheadTraining {
  readonly seed: number;
  readonly epochs: number;
  /** Prompts per micro-batch. */
  readonly batchSize: number;
  /** Micro-batches per optimiser step. */
  readonly accumulation: number;
  /** Weight of response modelling: 0.2 (mlm) and 0.5 (clm) in the paper. */
  readonly lambda: number;
  /** Share of the training over which the mask rate rises to 1; 0.4 in the paper, 0.2 in its scripts. */
  readonly curriculumFraction: number;
  /** Mask rate at the start; 0.3 in the released code. */
  readonly curriculumStart: number;
}

/** rate(k) = start + (1 - start) k / K for k < K = fraction x total, then 1. */
export function maskRate(training: LookaheadTraining, microBatch: number, totalMicroBatches: number): number {
  const rising = training.curriculumFraction * totalMicroBatches;
  if (microBatch >= rising) return 1;
  return training.curriculumStart + (1 - training.curriculumStart) * (microBatch / rising);
}

export interface LookaheadTask extends TrainingTask {
  readonly totalSteps: number;
}

export function createLookaheadTask(
  settings: LookaheadSettings,
  training: LookaheadTraining,
  examples: readonly EncodedExample[],
): LookaheadTask {
  const schedule = new BatchSchedule(examples, settings.maxPromptTokens, training.batchSize, training.seed);
  const totalSteps = Math.ceil((schedule.batchesPerEpoch * training.epochs) / training.accumulation);
  const build = (graph: Graph, parameters: ParameterValues, bucket: Bucket): StepOutputs => {
    const { batch, tokens, targets } = bucket as { batch: number; tokens: number; targets: number };
    const { loss, routeLoss, responseLoss } = lookaheadLoss(graph, settings, parameters, {
      batch,
      tokens,
      targets,
    });
    return { loss, metrics: { route: routeLoss, ...(responseLoss && { response: responseLoss }) } };
  };
  const microBatches = (step: number): MicroBatch[] => {
    const first = step * training.accumulation;
    const plans = Array.from({ length: training.accumulation }, (_, index) => schedule.batch(first + index));
    const rows = plans.map((plan, index) => {
      const number = first + index;
      const pass = Math.floor(number / schedule.batchesPerEpoch);
      const rate = maskRate(training, number, totalSteps * training.accumulation);
      return plan.members.flatMap((member) => {
        const example = exampleOfPass(examples[member]!, pass);
        const key = { seed: training.seed, stream: streamOf(`mask ${number} ${example.recordId}`) };
        return trainingRows(settings, example, plan.promptTokens, { rate, key });
      });
    });
    const preferencesInStep = plans
      .flatMap(({ members }) => members)
      .filter((member) => examples[member]!.weight > 0).length;
    const targetsInStep = rows.flat().reduce((sum, row) => sum + row.targets.length, 0);
    return plans.map((plan, index) =>
      assemble(settings, training, examples, plan, rows[index]!, {
        labelWeight: 1 / (Math.max(1, preferencesInStep) * settings.candidates.length),
        targetScale: training.lambda / Math.max(1, targetsInStep),
      }),
    );
  };
  return { specs: lookaheadSpecs(settings), build, microBatches, totalSteps };
}

/** The example with the samples whose turn it is in this pass over the data. */
export function exampleOfPass(example: EncodedExample, pass: number): EncodedExample {
  const { responses, moreSamples } = example;
  if (moreSamples === undefined) return example;
  const turn = responses.map((first, candidate) => {
    const more = moreSamples[candidate]!;
    const index = pass % (more.length + 1);
    return index === 0 ? first : more[index - 1]!;
  });
  return { ...example, responses: turn };
}

/** Target counts are padded to halves of the most there can be: two compiled steps per length, not hundreds. */
function paddedTargets(settings: LookaheadSettings, batchSize: number, count: number): number {
  if (settings.variant === "mlc") return 0;
  const perResponse = settings.responseTokens + (settings.variant === "clm" ? 1 : 0);
  const half = Math.ceil((batchSize * settings.candidates.length * perResponse) / 2);
  return count <= half ? half : 2 * half;
}

function assemble(
  settings: LookaheadSettings,
  training: LookaheadTraining,
  examples: readonly EncodedExample[],
  plan: BatchPlan,
  rows: readonly Row[],
  share: { readonly labelWeight: number; readonly targetScale: number },
): MicroBatch {
  const batch = training.batchSize;
  const tokens = rowTokens(settings, plan.promptTokens, true);
  const candidates = settings.candidates.length;
  const height = batch * rowsPerPrompt(settings);
  const { inputIds, positionIds, attentionBias, poolingWeights } = stackRows(rows, height);
  const labels = new Float32Array(batch * candidates);
  const labelWeights = new Float32Array(batch * candidates);
  for (const [index, member] of plan.members.entries()) {
    labels.set(examples[member]!.labels, index * candidates);
    const weight = examples[member]!.weight * share.labelWeight;
    labelWeights.fill(weight, index * candidates, (index + 1) * candidates);
  }
  const found = rows.flatMap((row, index) =>
    row.targets.map(({ position, token }) => ({ position: index * tokens + position, token })),
  );
  const targets = paddedTargets(settings, batch, found.length);
  const targetPositions = new Int32Array(targets);
  const targetTokens = new Int32Array(targets).fill(-100);
  for (const [index, { position, token }] of found.entries()) {
    targetPositions[index] = position;
    targetTokens[index] = token;
  }
  const biasShape = settings.variant === "clm" ? [height, 1, tokens, tokens] : [height, 1, 1, tokens];
  return {
    bucket: { batch, tokens, targets },
    recordIds: plan.members.map((member) => examples[member]!.recordId),
    feeds: {
      input_ids: int32([height, tokens], inputIds),
      position_ids: int32([height, tokens], positionIds),
      attention_bias: float32(biasShape, attentionBias),
      pooling_weights: float32([height, 1, tokens], poolingWeights),
      labels: float32([batch, candidates], labels),
      label_weights: float32([batch, candidates], labelWeights),
      target_positions: int32([targets], targetPositions),
      target_tokens: int32([targets], targetTokens),
      target_scale: float32([], [share.targetScale]),
    },
  };
}

/** Rows one under another; a short batch is filled with copies of its first row, which carry no weight. */
export function stackRows(rows: readonly Row[], batch: number) {
  const first = rows[0]!;
  const inputIds = new Int32Array(batch * first.inputIds.length);
  const positionIds = new Int32Array(batch * first.positionIds.length);
  const attentionBias = new Float32Array(batch * first.attentionBias.length);
  const poolingWeights = new Float32Array(batch * first.poolingWeights.length);
  for (let index = 0; index < batch; index++) {
    const row = rows[index] ?? first;
    inputIds.set(row.inputIds, index * row.inputIds.length);
    positionIds.set(row.positionIds, index * row.positionIds.length);
    attentionBias.set(row.attentionBias, index * row.attentionBias.length);
    poolingWeights.set(row.poolingWeights, index * row.poolingWeights.length);
  }
  return { inputIds, positionIds, attentionBias, poolingWeights };
}
