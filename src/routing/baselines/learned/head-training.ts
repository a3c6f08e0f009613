/**
 * Training of small heads on frozen prompt embeddings: AdamW over shuffled mini-batches, stopped where the loss on
 * held-out prompts stops falling. Each head is a loss written as a graph; the engine derives and runs the gradients.
 */
import { Graph, type Value } from "../../../graph/ir.ts";
import {
  declareParameters,
  initialiseParameters,
  type ParameterSpecs,
  type Parameters,
  type ParameterValues,
} from "../../../nn/index.ts";
import { adamWStep, createAdamWState, type ParameterGroup } from "../../../optim/index.ts";
import { type Backend, createOrtBackend, type Feeds } from "../../../runtime/index.ts";
import { TuttiError } from "../../../support/errors.ts";
import { float32 } from "../../../tensor/host-tensor.ts";
import { permutation, RandomStream, streamOf } from "../../../tensor/random.ts";
import { CompiledSteps } from "../../../train/index.ts";
import type { FrozenPrompts } from "./frozen-prompts.ts";

export interface Head {
  readonly specs: ParameterSpecs;
  /**
   * Mean loss over a batch, a scalar; what it reads besides the prompts it declares as inputs of their graph.
   *
   * @param prompts f32 [rows, dimension]
   */
  loss(parameters: ParameterValues, prompts: Value): Value;
  /** Values of those inputs for these rows of the data. `stream` is fixed by seed, epoch and batch. */
  feeds(rows: Uint32Array, stream: RandomStream): Feeds;
}

export interface HeadTraining {
  /** Of initial values, batches and the held-out prompts. */
  readonly seed: number;
  /** At most so many passes over the prompts. */
  readonly epochs: number;
  /** Prompts per step. */
  readonly batchSize: number;
  readonly learningRate: number;
  /** Of matrices, per step and unit of learning rate. */
  readonly weightDecay: number;
  /** Epochs without a new lowest validation loss after which training stops. */
  readonly patience: number;
  /** Share of the prompts held out for that; 0 trains all epochs on all prompts. */
  readonly validationShare: number;
}

/** A method names its own learning rate; the rest is common. */
export const HEAD_TRAINING: HeadTraining = {
  seed: 0,
  epochs: 100,
  batchSize: 64,
  learningRate: 1e-3,
  weightDecay: 1e-5,
  patience: 5,
  validationShare: 0.1,
};

export interface TrainedHead {
  /** Those of the epoch with the lowest validation loss, or of the last one without validation. */
  readonly parameters: Parameters;
  /** Before training and after each epoch; empty without validation. */
  readonly validationLosses: readonly number[];
}

/** Held-out prompts beyond this many would cost time and tell little more. */
const MOST_VALIDATION_PROMPTS = 1024;
const PROMPTS = "prompts";

/** @throws {TuttiError} INVALID_ARGUMENT naming the option out of range */
export function headTraining(defaults: HeadTraining, options: Partial<HeadTraining>): HeadTraining {
  const training = { ...defaults, ...options };
  for (const name of ["epochs", "batchSize", "patience"] as const) {
    if (!Number.isInteger(training[name]) || training[name] < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `${name} is ${training[name]}, expected a positive integer`);
    }
  }
  if (!(training.learningRate > 0 && training.learningRate < Number.POSITIVE_INFINITY)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `learningRate is ${training.learningRate}, expected a positive number`,
    );
  }
  return training;
}

function gatherPrompts({ embeddings, dimension }: FrozenPrompts, rows: Uint32Array) {
  const values = new Float32Array(rows.length * dimension);
  for (const [position, row] of rows.entries()) {
    values.set(embeddings.subarray(row * dimension, (row + 1) * dimension), position * dimension);
  }
  return float32([rows.length, dimension], values);
}

function feedsOf(head: Head, prompts: FrozenPrompts, rows: Uint32Array, stream: RandomStream): Feeds {
  return { [PROMPTS]: gatherPrompts(prompts, rows), ...head.feeds(rows, stream) };
}

/** Measures the mean loss over the held-out prompts, all in one run. */
async function compileValidation(head: Head, prompts: FrozenPrompts, seed: number, backend: Backend) {
  const rows = prompts.validation.subarray(0, MOST_VALIDATION_PROMPTS);
  const graph = new Graph();
  const parameters = declareParameters(graph, head.specs);
  const input = graph.input(PROMPTS, "float32", [rows.length, prompts.dimension]);
  const executable = await backend.compile(graph, { loss: head.loss(parameters, input) });
  const feeds = feedsOf(head, prompts, rows, new RandomStream({ seed, stream: streamOf("head validation") }));
  return {
    measure: async (values: Parameters): Promise<number> =>
      (await executable.run({ ...values, ...feeds })).loss!.data[0] as number,
    dispose: () => executable.dispose(),
  };
}

const copyOf = (parameters: Parameters): Parameters =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, float32(shape, data.slice())]),
  );

function groupsOf(specs: ParameterSpecs, { learningRate, weightDecay }: HeadTraining): ParameterGroup[] {
  const named = (decays: boolean) => Object.keys(specs).filter((name) => specs[name]!.decays === decays);
  return [
    { names: named(true), learningRate, weightDecay },
    { names: named(false), learningRate, weightDecay: 0 },
  ];
}

/** One epoch after another over shuffled batches of one size; what does not fill a batch waits for the next shuffle. */
async function runEpoch(
  epoch: number,
  prompts: FrozenPrompts,
  training: HeadTraining,
  step: (rows: Uint32Array, stream: RandomStream) => Promise<void>,
): Promise<void> {
  const { seed } = training;
  const size = Math.min(training.batchSize, prompts.training.length);
  const order = permutation(prompts.training.length, { seed, stream: streamOf(`head epoch ${epoch}`) });
  for (let batch = 0; (batch + 1) * size <= order.length; batch++) {
    const rows = order.slice(batch * size, (batch + 1) * size).map((position) => prompts.training[position]!);
    await step(rows, new RandomStream({ seed, stream: streamOf(`head batch ${epoch} ${batch}`) }));
  }
}

/**
 * Trains a head; a pure function of its arguments on one machine class.
 *
 * @param backend one thread of ONNX Runtime by default: with more, sums may change their order
 */
export async function trainHead(
  head: Head,
  prompts: FrozenPrompts,
  training: HeadTraining,
  backend: Backend = createOrtBackend({ threads: 1 }),
): Promise<TrainedHead> {
  const { seed } = training;
  const parameters = initialiseParameters(head.specs, seed);
  const arraysOf = (tensors: Parameters) =>
    Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
  const gradients = copyOf(parameters);
  const groups = groupsOf(head.specs, training);
  const state = createAdamWState(groups, arraysOf(parameters));
  const steps = new CompiledSteps(
    {
      specs: head.specs,
      build: (graph, values, { rows }) => {
        const input = graph.input(PROMPTS, "float32", [rows!, prompts.dimension]);
        return { loss: head.loss(values, input), metrics: {} };
      },
      microBatches: () => [],
    },
    backend,
  );
  const validation =
    prompts.validation.length > 0 ? await compileValidation(head, prompts, seed, backend) : undefined;
  let best = parameters;
  const validationLosses: number[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  let bestEpoch = 0;
  try {
    for (let epoch = 0; epoch <= training.epochs; epoch++) {
      if (epoch > 0) {
        await runEpoch(epoch, prompts, training, async (rows, stream) => {
          const feeds = feedsOf(head, prompts, rows, stream);
          const batch = { bucket: { rows: rows.length }, feeds, recordIds: [] };
          await steps.run(batch, parameters, gradients, { seed, counter: state.step });
          const scaling = { gradientScale: 1, multiplier: 1 };
          await adamWStep(groups, arraysOf(parameters), arraysOf(gradients), state, scaling);
        });
      }
      if (!validation) continue;
      const loss = await validation.measure(parameters);
      validationLosses.push(loss);
      if (loss < lowest) {
        lowest = loss;
        bestEpoch = epoch;
        best = copyOf(parameters);
      } else if (epoch - bestEpoch >= training.patience) break;
    }
  } finally {
    await steps.dispose();
    await validation?.dispose();
  }
  return { parameters: best, validationLosses };
}
