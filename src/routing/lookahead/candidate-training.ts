/**
 * Learning one identifier embedding with everything else frozen: how a decoder's shared routing head takes in a
 * candidate that was not there when it was trained.
 *
 * The row is MID | prompt | response with a single candidate; the loss is the one of training, L_route + lambda L_resp,
 * and its only parameter is the embedding of MID, which starts at the mean of the known identifiers.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ops from "../../graph/functions.ts";
import type { Value } from "../../graph/ir.ts";
import type { JudgedRecord } from "../../judged/record.ts";
import { createCausalModel } from "../../models/index.ts";
import { matrix, type Parameters, type ParameterValues } from "../../nn/index.ts";
import type { Backend } from "../../runtime/index.ts";
import { assert } from "../../support/errors.ts";
import { type Float32Tensor, float32 } from "../../tensor/host-tensor.ts";
import type { Tokenizer } from "../../text/index.ts";
import { train } from "../../train/index.ts";
import { encodeRecords } from "./encode.ts";
import type { LookaheadSettings } from "./settings.ts";
import { createLookaheadTask, type LookaheadTask } from "./task.ts";

const IDENTIFIER = "identifier";

/** The step of Adam in units of the identifiers' root mean square: a step moves every coordinate by about this much. */
const RELATIVE_LEARNING_RATE = 0.05;
const OPTIMISER_STEPS = 150;
const BATCH_SIZE = 16;

/** Name of the decoder's embedding table [V, H]. */
export function embeddingTable(settings: Pick<LookaheadSettings, "backbone">): string {
  const { specs } = createCausalModel(settings.backbone);
  const found = Object.entries(specs).find(([, { shape }]) => shape[0] === settings.backbone.vocab_size);
  assert(found, "the decoder has no embedding table");
  return found[0];
}

/** Row of the table, copied. */
export function embeddingRow(table: Float32Tensor, row: number): Float32Array {
  const width = table.shape[1]!;
  return table.data.slice(row * width, (row + 1) * width);
}

/** What the new candidate is learned from, apart from the judged prompts. */
export interface FrozenModel {
  /** Settings of the decoder with the known candidates. */
  readonly settings: LookaheadSettings;
  readonly parameters: Parameters;
  readonly tokenizer: Tokenizer;
  readonly backend: Backend;
}

/** Settings of rows that hold the candidate alone, at the table's row `tokenId`. */
export function settingsOfOne(settings: LookaheadSettings, name: string, tokenId: number): LookaheadSettings {
  return { ...settings, candidates: [name], candidateTokenIds: [tokenId] };
}

/**
 * Trains the embedding of `name`. Labels compare it with the known candidates on every prompt.
 *
 * @param known identifier embeddings of all known candidates
 * @param tokenId the table's row that stands for the candidate while it is trained; its content is not read
 */
export async function trainIdentifier(
  model: FrozenModel,
  records: readonly JudgedRecord[],
  name: string,
  tokenId: number,
  known: { readonly names: readonly string[]; readonly embeddings: readonly Float32Array[] },
): Promise<Float32Array> {
  const { settings, parameters, tokenizer, backend } = model;
  const own = settingsOfOne(settings, name, tokenId);
  const compared = { ...settings, candidates: [...known.names, name] };
  const examples = encodeRecords(compared, tokenizer, records).map((example) => ({
    ...example,
    responses: example.responses.slice(-1),
    labels: example.labels.slice(-1),
  }));
  const perEpoch = Math.ceil(examples.length / BATCH_SIZE);
  const training = {
    seed: 0,
    epochs: Math.max(1, Math.round(OPTIMISER_STEPS / perEpoch)),
    batchSize: BATCH_SIZE,
    accumulation: 1,
    lambda: settings.responseWeight,
    curriculumFraction: 0,
    curriculumStart: 1,
  };
  const start = meanOf(known.embeddings);
  const table = embeddingTable(settings);
  const task = identifierTask(createLookaheadTask(own, training, examples), table, tokenId, start.length);
  const trained = { ...parameters, [IDENTIFIER]: float32([1, start.length], start) };
  const outputFolder = mkdtempSync(join(tmpdir(), "tutti-identifier-"));
  try {
    await train(
      task,
      trained,
      {
        seed: training.seed,
        totalSteps: task.totalSteps,
        groups: [
          {
            names: [IDENTIFIER],
            learningRate: RELATIVE_LEARNING_RATE * rootMeanSquare(known.embeddings),
            weightDecay: 0,
          },
        ],
        schedule: { kind: "cosine", warmupSteps: 0, totalSteps: task.totalSteps },
        maxGradientNorm: 1,
        checkpointEverySteps: task.totalSteps,
        fingerprint: name,
        outputFolder,
      },
      { backend },
    );
  } finally {
    rmSync(outputFolder, { recursive: true, force: true });
  }
  return trained[IDENTIFIER]!.data;
}

/** The task with one row of the embedding table as its only trained parameter. */
function identifierTask(task: LookaheadTask, table: string, row: number, width: number): LookaheadTask {
  return {
    ...task,
    specs: { ...task.specs, [IDENTIFIER]: matrix(1, width, 0) },
    trainable: [IDENTIFIER],
    build: (graph, parameters, bucket) => {
      const replaced = withRow(parameters(table), row, parameters(IDENTIFIER));
      const values: ParameterValues = (name) => (name === table ? replaced : parameters(name));
      return task.build(graph, values, bucket);
    },
  };
}

/** The table [V, H] with `content` [1, H] in place of a row. */
function withRow(table: Value, row: number, content: Value): Value {
  const rows = table.shape[0] as number;
  const parts = [
    ...(row > 0 ? [ops.slice(table, 0, 0, row)] : []),
    content,
    ...(row + 1 < rows ? [ops.slice(table, 0, row + 1, rows)] : []),
  ];
  return ops.concat(parts, 0);
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(vectors[0]!.length);
  for (const vector of vectors) {
    for (const [index, value] of vector.entries()) mean[index]! += value / vectors.length;
  }
  return mean;
}

function rootMeanSquare(vectors: readonly Float32Array[]): number {
  let sum = 0;
  let count = 0;
  for (const vector of vectors) {
    for (const value of vector) sum += value * value;
    count += vector.length;
  }
  return Math.sqrt(sum / count);
}
