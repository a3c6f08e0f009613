/** Every decoder family against recorded PyTorch runs: hidden states, logits, loss, every gradient, AdamW steps. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import { Graph, type Value } from "../../src/graph/ir.ts";
import { crossEntropy } from "../../src/losses/index.ts";
import {
  CAUSAL_MODEL_TYPES,
  type CausalModel,
  causalCrossEntropy,
  causalLogits,
  createCausalModel,
  lastTokenWeights,
  readLabelCount,
  sequenceClassifierLogits,
  sequenceClassifierSpecs,
} from "../../src/models/index.ts";
import {
  causalBias,
  checkParameters,
  declareParameters,
  type ParameterSpecs,
  type ParameterValues,
} from "../../src/nn/index.ts";
import { type Backend, createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { createReferenceBackend } from "../../src/runtime/reference/index.ts";
import { float32, int32 } from "../../src/tensor/host-tensor.ts";
import { readMetrics, train, trainingPaths } from "../../src/train/index.ts";
import { expectAllClose, FIXTURES, Fixture, fixtureJson } from "../support/fixtures.ts";

interface Recorded {
  readonly description: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The same as transformers 5 writes it. */
  readonly savedConfig: Readonly<Record<string, unknown>>;
  readonly isClassifier: boolean;
  readonly optimizer: {
    readonly learningRate: number;
    readonly maxGradientNorm: number;
    readonly steps: number;
    readonly groups: readonly { readonly weightDecay: number; readonly parameters: string[] }[];
  } | null;
  /** Parameter -> range whose exact gradient is 0. */
  readonly incomparableAfterSteps: Readonly<Record<string, readonly [number, number]>>;
}

/** Float32 sums in another order than PyTorch's float64; gradients here are of size 0.01 to 10. */
const TOLERANCE = { absolute: 2e-5, relative: 1e-4 };

/** Next-token labels are shifted by one: the label of position t is predicted at t - 1. */
function shiftedLabels(fixture: Fixture): Int32Array {
  const labels = fixture.int("labels");
  const [batch, tokens] = labels.shape as [number, number];
  return Int32Array.from({ length: batch * tokens }, (_, flat) =>
    flat % tokens === tokens - 1 ? -100 : Number(labels.data[flat + 1]),
  );
}

class DecoderCase {
  readonly recorded: Recorded;
  readonly fixture: Fixture;
  readonly model: CausalModel;
  readonly specs: ParameterSpecs;
  readonly feeds: Feeds;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.recorded = fixtureJson<Recorded>(`decoders/${name}.json`);
    this.fixture = new Fixture(`decoders/${name}.safetensors`);
    const { config, isClassifier } = this.recorded;
    this.model = createCausalModel(config);
    this.specs = isClassifier
      ? sequenceClassifierSpecs(this.model, readLabelCount(config))
      : this.model.specs;
    const labels = isClassifier
      ? (this.fixture.int("labels").data as Int32Array)
      : shiftedLabels(this.fixture);
    this.feeds = {
      ids: this.fixture.int("input_ids"),
      positions: this.fixture.int("position_ids"),
      bias: causalBias(this.fixture.int("attention_mask")),
      labels: int32([labels.length], labels),
      scale: float32([], [1 / labels.filter((label) => label >= 0).length]),
      last: lastTokenWeights(this.fixture.int("input_ids"), config.pad_token_id as number),
    };
  }

  build(graph: Graph, parameters: ParameterValues): { hidden: Value; logits: Value; loss: Value } {
    const [batch, tokens] = this.fixture.shape("input_ids") as [number, number];
    const positions = this.feeds.positions!;
    const hidden = this.model.decoder(
      parameters,
      {
        inputIds: graph.input("ids", "int32", [batch, tokens]),
        positionIds: graph.input("positions", "int32", [batch, tokens]),
        attentionBias: graph.input("bias", "float32", [batch, 1, tokens, tokens]),
        positions: Math.max(...(positions.data as Int32Array)) + 1,
      },
      { isTraining: true },
    );
    const labels = graph.input("labels", "int32", this.feeds.labels!.shape);
    const scale = graph.input("scale", "float32", []);
    const last = graph.input("last", "float32", [batch, 1, tokens]);
    if (this.recorded.isClassifier) {
      const logits = sequenceClassifierLogits(parameters, hidden, last);
      return { hidden, logits, loss: crossEntropy(logits, labels) };
    }
    return {
      hidden,
      logits: causalLogits(this.model, parameters, hidden),
      loss: causalCrossEntropy(this.model, parameters, hidden, { labels, scale }),
    };
  }

  parameters() {
    return Object.fromEntries(
      this.fixture.names("param.").map((name) => [name, this.fixture.float(`param.${name}`)]),
    );
  }

  /** Values of rows that are tokens: what stands at padding differs harmlessly. */
  atTokens(data: ArrayLike<number>): number[] {
    const mask = this.fixture.int("attention_mask").data;
    const width = data.length / mask.length;
    return Array.from(data).filter((_, flat) => mask[Math.floor(flat / width)] !== 0);
  }
}

const CASES = readdirSync(join(FIXTURES, "decoders"))
  .filter((file) => file.endsWith(".json"))
  .map((file) => new DecoderCase(file.slice(0, -".json".length)));

test("every family has a case with gradients and one with optimiser steps", () => {
  const types = (cases: DecoderCase[]) => [...new Set(cases.map(({ model }) => model.modelType))].sort();
  expect(types(CASES)).toEqual([...CAUSAL_MODEL_TYPES].sort());
  expect(types(CASES.filter(({ recorded }) => recorded.optimizer))).toEqual([...CAUSAL_MODEL_TYPES].sort());
});

test.each(CASES)("$name: a config.json saved by transformers means the same", ({ recorded, model }) => {
  expect(createCausalModel(recorded.savedConfig).config).toEqual(model.config);
  expect(readLabelCount(recorded.savedConfig)).toBe(readLabelCount(recorded.config));
});

describe.each([createOrtBackend({ threads: 1 }), createReferenceBackend()])("$name", (backend: Backend) => {
  test.each(CASES)("$name: hidden states, logits, loss and every gradient", async (decoder) => {
    const { fixture, specs, name } = decoder;
    const parameters = decoder.parameters();
    checkParameters(specs, parameters, name);
    const graph = new Graph();
    const values = declareParameters(graph, specs);
    const names = Object.keys(specs);
    const outputs: Record<string, Value> = decoder.build(graph, values);
    const { loss } = outputs;
    for (const [index, gradient] of gradients(loss!, names.map(values)).entries()) {
      outputs[`grad.${names[index]}`] = gradient;
    }
    const executable = await backend.compile(graph, outputs);
    const results = await executable.run({ ...decoder.feeds, ...parameters });
    await executable.dispose();
    const hidden = decoder.atTokens(fixture.values("last_hidden_state"));
    expectAllClose(decoder.atTokens(results.hidden!.data), hidden, TOLERANCE, "hidden");
    const tokens = (data: ArrayLike<number>) =>
      decoder.recorded.isClassifier ? Array.from(data) : decoder.atTokens(data);
    expectAllClose(tokens(results.logits!.data), tokens(fixture.values("logits")), TOLERANCE, "logits");
    expectAllClose(results.loss!.data, fixture.values("loss"), { absolute: 1e-6, relative: 2e-6 }, "loss");
    expect(fixture.names("grad.").sort()).toEqual([...names].sort());
    for (const parameter of names) {
      const expected = fixture.values(`grad.${parameter}`);
      expectAllClose(results[`grad.${parameter}`]!.data, expected, TOLERANCE, parameter);
    }
  });
});

describe("ten AdamW steps through the training loop", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-decoders-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(CASES.filter(({ recorded }) => recorded.optimizer))("$name", async (decoder) => {
    const { fixture, specs, recorded, name } = decoder;
    const optimizer = recorded.optimizer!;
    const parameters = decoder.parameters();
    const outputFolder = join(folder, name);
    await train(
      {
        specs,
        build: (graph, values) => ({ loss: decoder.build(graph, values).loss, metrics: {} }),
        microBatches: () => [{ bucket: {}, feeds: decoder.feeds, recordIds: ["all"] }],
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
    const column = (key: "loss" | "gradientNorm") => metrics.map((line) => line[key]);
    expectAllClose(
      column("loss"),
      fixture.values("step_losses"),
      { absolute: 1e-5, relative: 1e-5 },
      "losses",
    );
    expectAllClose(
      column("gradientNorm"),
      fixture.values("step_grad_norms"),
      { absolute: 1e-4, relative: 1e-4 },
      "norms",
    );
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
  });
});
