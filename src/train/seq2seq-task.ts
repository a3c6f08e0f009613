/** Fine-tuning an encoder-decoder model on pairs of source and target: full, partial, or through an adapter. */
import type { Graph } from "../graph/ir.ts";
import { seq2SeqCrossEntropy } from "../models/seq2seq-families.ts";
import type { Seq2SeqModel } from "../models/seq2seq-model.ts";
import { type LoraConfig, withLora } from "../nn/lora.ts";
import { causalBias, paddingBias } from "../nn/masks.ts";
import type { ParameterValues } from "../nn/parameters.ts";
import { TuttiError } from "../support/errors.ts";
import { int32 } from "../tensor/host-tensor.ts";
import { planBatches } from "./batch-plans.ts";
import {
  type CommonFineTuningOptions,
  checkCommonOptions,
  chooseTrained,
  type FineTuningTask,
  labelFeeds,
} from "./fine-tuning.ts";
import type { Bucket, MicroBatch, StepOutputs } from "./task.ts";

export interface Seq2SeqExample {
  /** Named in errors. */
  readonly id: string;
  /** i32 [S], with what ends a text */
  readonly sourceIds: Int32Array;
  /** i32 [T], with what ends a text */
  readonly targetIds: Int32Array;
}

/** One pair a row, padded to the smallest sizes that hold both sides; a batch has one pair of sizes. */
export interface Seq2SeqBatching {
  readonly sourceTokens: readonly number[];
  readonly targetTokens: readonly number[];
  readonly rowsPerBatch: number;
}

export interface Seq2SeqFineTuningOptions extends CommonFineTuningOptions {
  readonly batching: Seq2SeqBatching;
}

interface Sizes {
  readonly source: number;
  readonly target: number;
}

/**
 * The mean over the target tokens of an optimiser step of -log p(token | source, target tokens before it), in nats;
 * micro-batches carry their share of it, so accumulation equals one large batch.
 *
 * @throws {TuttiError} DATASET_INVALID when no example has both sides; INVALID_ARGUMENT when one is longer than the
 *   largest size, an option is no positive integer, or nothing is trained
 */
export function createSeq2SeqTask(
  model: Seq2SeqModel,
  examples: readonly Seq2SeqExample[],
  options: Seq2SeqFineTuningOptions,
): FineTuningTask {
  const isKept = ({ sourceIds, targetIds }: Seq2SeqExample): boolean =>
    sourceIds.length > 0 && targetIds.length > 0;
  const kept = examples.filter(isKept);
  if (kept.length === 0) {
    throw new TuttiError("DATASET_INVALID", `none of ${examples.length} examples has a source and a target`, {
      hint: "check the length that examples are cut to",
    });
  }
  checkCommonOptions(options);
  const { adapter, accumulation, batching } = options;
  const trained = chooseTrained(model.specs, options);
  const { sizes, numberOf } = pairSizes(batching);
  // Pairs of sizes stand in for lengths: a batch is of one pair.
  const plans = planBatches(
    kept.map(numberOf),
    {
      kind: "length-buckets",
      bucketTokens: sizes.map((_, number) => number + 1),
      rowsPerBatch: batching.rowsPerBatch,
    },
    options.seed,
  );
  return {
    ...trained,
    ...(options.recompute && { recompute: options.recompute }),
    totalSteps: Math.ceil((plans.batchesPerEpoch * options.epochs) / accumulation),
    leftOut: examples.filter((example) => !isKept(example)).map(({ id }) => id),
    build: (graph, parameters, bucket) => buildStep(model, adapter, graph, parameters, bucket),
    microBatches(step) {
      const batches = Array.from({ length: accumulation }, (_, index) => {
        const { tokens: number, rows } = plans.batch(step * accumulation + index);
        return { sizes: sizes[number - 1]!, rows: rows.map(([index]) => kept[index!]!) };
      });
      const tokens = batches.flatMap(({ rows }) => rows.map(({ targetIds }) => targetIds.length));
      const scale = 1 / tokens.reduce((sum, count) => sum + count, 0);
      return batches.map((batch) =>
        microBatch(model.config.startTokenId, batch.rows, batch.sizes, options, scale),
      );
    },
  };
}

/** All pairs of sizes, and the number of an example's, counted from 1. */
function pairSizes({ sourceTokens, targetTokens }: Seq2SeqBatching): {
  readonly sizes: readonly Sizes[];
  readonly numberOf: (example: Seq2SeqExample) => number;
} {
  const ascending = (list: readonly number[]): number[] => [...new Set(list)].sort((a, b) => a - b);
  const [sources, targets] = [ascending(sourceTokens), ascending(targetTokens)];
  for (const size of [...sources, ...targets]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `sizes must be positive integers, received ${size}`);
    }
  }
  const place = (id: string, side: string, length: number, list: readonly number[]): number => {
    const index = list.findIndex((size) => size >= length);
    if (index >= 0) return index;
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `the ${side} of example "${id}" has ${length} tokens, the largest size is ${list.at(-1) ?? "missing"}`,
      { details: { id, length }, hint: "cut or drop long examples first, or add a size" },
    );
  };
  return {
    sizes: sources.flatMap((source) => targets.map((target) => ({ source, target }))),
    numberOf: ({ id, sourceIds, targetIds }) =>
      place(id, "source", sourceIds.length, sources) * targets.length +
      place(id, "target", targetIds.length, targets) +
      1,
  };
}

function buildStep(
  model: Seq2SeqModel,
  adapter: LoraConfig | undefined,
  graph: Graph,
  declared: ParameterValues,
  bucket: Bucket,
): StepOutputs {
  const { batch, source, target, labels } = bucket as Record<
    "batch" | "source" | "target" | "labels",
    number
  >;
  const parameters = withLora(declared, model.specs, adapter ? [adapter] : [], { isTraining: true });
  const positions = (count: number) =>
    graph.constant(
      "int32",
      [1, count],
      Int32Array.from({ length: count }, (_, index) => index),
    );
  const sourceBias = graph.input("source_bias", "float32", [batch, 1, 1, source]);
  const encoded = model.encode(
    parameters,
    {
      inputIds: graph.input("source_ids", "int32", [batch, source]),
      positionIds: positions(source),
      attentionBias: sourceBias,
    },
    { isTraining: true },
  );
  // Padding is at the end, where no token looks.
  const causal = causalBias(int32([1, target], new Int32Array(target).fill(1)));
  const hidden = model.decode(
    parameters,
    encoded,
    {
      inputIds: graph.input("target_ids", "int32", [batch, target]),
      positionIds: positions(target),
      attentionBias: graph.constant("float32", causal.shape, causal.data),
      memoryBias: sourceBias,
    },
    { isTraining: true },
  );
  const loss = seq2SeqCrossEntropy(model, parameters, hidden, {
    positions: graph.input("target_positions", "int32", [labels]),
    labels: graph.input("target_tokens", "int32", [labels]),
    scale: graph.input("target_scale", "float32", []),
  });
  return { loss, metrics: {} };
}

function microBatch(
  startTokenId: number,
  rows: readonly Seq2SeqExample[],
  { source, target }: Sizes,
  { batching: { rowsPerBatch: batch }, paddingId }: Seq2SeqFineTuningOptions,
  scale: number,
): MicroBatch {
  const sourceIds = new Int32Array(batch * source).fill(paddingId);
  const isToken = new Int32Array(batch * source);
  const targetIds = new Int32Array(batch * target).fill(paddingId);
  const [positions, tokens]: [number[], number[]] = [[], []];
  for (const [row, example] of rows.entries()) {
    sourceIds.set(example.sourceIds, row * source);
    isToken.fill(1, row * source, row * source + example.sourceIds.length);
    // The decoder reads the target shifted right, behind the start token.
    targetIds[row * target] = startTokenId;
    targetIds.set(example.targetIds.subarray(0, -1), row * target + 1);
    for (const [index, id] of example.targetIds.entries()) {
      positions.push(row * target + index);
      tokens.push(id);
    }
  }
  const { targets: labels, feeds } = labelFeeds(positions, tokens, batch * target, scale);
  return {
    bucket: { batch, source, target, labels },
    recordIds: rows.map(({ id }) => id),
    feeds: {
      source_ids: int32([batch, source], sourceIds),
      source_bias: paddingBias(int32([batch, source], isToken)),
      target_ids: int32([batch, target], targetIds),
      ...feeds,
    },
  };
}
