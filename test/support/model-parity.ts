/** What a model must do as its recorded PyTorch run did: hidden states, logits, loss, every gradient, AdamW steps. */
import { join } from "node:path";
import { expect } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import { Graph, type Value } from "../../src/graph/ir.ts";
import {
  checkParameters,
  declareParameters,
  type ParameterSpecs,
  type Parameters,
  type ParameterValues,
} from "../../src/nn/index.ts";
import { type Backend, createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { readMetrics, train, trainingPaths } from "../../src/train/index.ts";
import { expectAllClose, type Fixture } from "./fixtures.ts";

export interface RecordedRun {
  readonly description: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The same as transformers 5 writes it. */
  readonly savedConfig: Readonly<Record<string, unknown>>;
  readonly optimizer: {
    readonly learningRate: number;
    readonly maxGradientNorm: number;
    readonly steps: number;
    readonly groups: readonly { readonly weightDecay: number; readonly parameters: string[] }[];
  } | null;
  /** Parameter -> range whose exact gradient is 0. */
  readonly incomparableAfterSteps: Readonly<Record<string, readonly [number, number]>>;
}

export interface ParityCase {
  readonly name: string;
  readonly recorded: RecordedRun;
  readonly fixture: Fixture;
  readonly specs: ParameterSpecs;
  readonly feeds: Feeds;
  /** Whether logits are one row a sequence, not one a token. */
  readonly isClassifier: boolean;
  build(graph: Graph, parameters: ParameterValues): { hidden: Value; logits: Value; loss: Value };
}

/** Float32 sums in another order than PyTorch's float64; gradients here are of size 0.01 to 10. */
const TOLERANCE = { absolute: 2e-5, relative: 1e-4 };

export function recordedParameters(fixture: Fixture): Parameters {
  return Object.fromEntries(fixture.names("param.").map((name) => [name, fixture.float(`param.${name}`)]));
}

/** Values of rows that are tokens: what stands at padding differs harmlessly. */
function atTokens(fixture: Fixture, data: ArrayLike<number>): number[] {
  const mask = fixture.int("attention_mask").data;
  const width = data.length / mask.length;
  return Array.from(data).filter((_, flat) => mask[Math.floor(flat / width)] !== 0);
}

export async function expectRecordedGradients(backend: Backend, parity: ParityCase): Promise<void> {
  const { fixture, specs, name } = parity;
  const parameters = recordedParameters(fixture);
  checkParameters(specs, parameters, name);
  const graph = new Graph();
  const values = declareParameters(graph, specs);
  const names = Object.keys(specs);
  const outputs: Record<string, Value> = parity.build(graph, values);
  for (const [index, gradient] of gradients(outputs.loss!, names.map(values)).entries()) {
    outputs[`grad.${names[index]}`] = gradient;
  }
  const executable = await backend.compile(graph, outputs);
  const results = await executable.run({ ...parity.feeds, ...parameters });
  await executable.dispose();
  const hidden = atTokens(fixture, fixture.values("last_hidden_state"));
  expectAllClose(atTokens(fixture, results.hidden!.data), hidden, TOLERANCE, "hidden");
  const rows = (data: ArrayLike<number>) =>
    parity.isClassifier ? Array.from(data) : atTokens(fixture, data);
  expectAllClose(rows(results.logits!.data), rows(fixture.values("logits")), TOLERANCE, "logits");
  expectAllClose(results.loss!.data, fixture.values("loss"), { absolute: 1e-6, relative: 2e-6 }, "loss");
  expect(fixture.names("grad.").sort()).toEqual([...names].sort());
  for (const parameter of names) {
    const expected = fixture.values(`grad.${parameter}`);
    expectAllClose(results[`grad.${parameter}`]!.data, expected, TOLERANCE, parameter);
  }
}

/** The recorded AdamW steps, through the training loop. */
export async function expectRecordedSteps(parity: ParityCase, folder: string): Promise<void> {
  const { fixture, specs, recorded, name } = parity;
  const optimizer = recorded.optimizer!;
  const parameters = recordedParameters(fixture);
  const outputFolder = join(folder, name);
  await train(
    {
      specs,
      build: (graph, values) => ({ loss: parity.build(graph, values).loss, metrics: {} }),
      microBatches: () => [{ bucket: {}, feeds: parity.feeds, recordIds: ["all"] }],
    },
    parameters,
    {
      seed: 0,
      totalSteps: optimizer.steps,
      groups: optimizer.groups.map((group) => ({
        names: group.parameters,
        learningRate: optimizer.learningRate,
        weightDecay: group.weightDecay,
      })),
      schedule: { kind: "constant", warmupSteps: 0, totalSteps: optimizer.steps },
      maxGradientNorm: optimizer.maxGradientNorm,
      checkpointEverySteps: 100,
      fingerprint: name,
      outputFolder,
    },
    { backend: createOrtBackend({ threads: 1 }) },
  );
  const metrics = readMetrics(trainingPaths(outputFolder).metricsPath);
  const expectColumn = (key: "loss" | "gradientNorm", tensor: string, tolerance: number): void => {
    const column = metrics.map((line) => line[key]);
    expectAllClose(column, fixture.values(tensor), { absolute: tolerance, relative: tolerance }, key);
  };
  expectColumn("loss", "step_losses", 1e-5);
  expectColumn("gradientNorm", "step_grad_norms", 1e-4);
  for (const parameter of Object.keys(specs)) {
    const [from, to] = recorded.incomparableAfterSteps[parameter] ?? [0, 0];
    const comparable = (data: ArrayLike<number>) => Array.from(data).filter((_, i) => i < from || i >= to);
    expectAllClose(
      comparable(parameters[parameter]!.data),
      comparable(fixture.values(`param_after.${parameter}`)),
      { absolute: 1e-4, relative: 1e-4 },
      parameter,
    );
  }
}
