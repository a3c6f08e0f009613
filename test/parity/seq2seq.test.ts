/** Encoder-decoder families against recorded PyTorch runs: states, logits, loss, every gradient, AdamW steps. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import * as ops from "../../src/graph/functions.ts";
import { Graph, type Value } from "../../src/graph/ir.ts";
import {
  createSeq2SeqModel,
  fusePassages,
  SEQ2SEQ_MODEL_TYPES,
  seq2SeqCrossEntropy,
  seq2SeqLogits,
  seq2SeqLogLikelihood,
} from "../../src/models/index.ts";
import {
  causalBias,
  checkParameters,
  declareParameters,
  type ParameterValues,
  paddingBias,
  relativePositionBucket,
} from "../../src/nn/index.ts";
import { type Backend, createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { createReferenceBackend } from "../../src/runtime/reference/index.ts";
import { float32, int32 } from "../../src/tensor/host-tensor.ts";
import { readMetrics, train, trainingPaths } from "../../src/train/index.ts";
import { expectAllClose, fixtureJson } from "../support/fixtures.ts";
import { iota, SEQ2SEQ_CASES, Seq2SeqCase } from "../support/tiny-seq2seq.ts";

/** Float32 sums in another order than PyTorch's float64; gradients here are of size 0.01 to 10. */
const TOLERANCE = { absolute: 2e-5, relative: 1e-4 };

const CASES = SEQ2SEQ_CASES.map((name) => new Seq2SeqCase(name));

/** Feeds of a case; the labels may be flat or by row. */
function feedsOf({ fixture }: Seq2SeqCase): Feeds {
  const labels = fixture.int("labels").data as Int32Array;
  const [batch, tokens] = fixture.shape("labels") as [number, number];
  return {
    source: fixture.int("input_ids"),
    source_bias: paddingBias(fixture.int("attention_mask")),
    target: fixture.int("decoder_input_ids"),
    target_bias: causalBias(int32([1, tokens], new Int32Array(tokens).fill(1))),
    labels: int32([batch * tokens], labels),
    labels_by_row: int32([batch, tokens], labels),
    scale: float32([], [1 / labels.filter((label) => label >= 0).length]),
  };
}

function build({ fixture, model }: Seq2SeqCase, graph: Graph, parameters: ParameterValues) {
  const [batch, sources] = fixture.shape("input_ids") as [number, number];
  const [, targets] = fixture.shape("labels") as [number, number];
  const positions = (count: number): Value => graph.constant("int32", [1, count], iota(count));
  const bias = graph.input("source_bias", "float32", [batch, 1, 1, sources]);
  const options = { isTraining: true };
  const encoded = model.encode(
    parameters,
    {
      inputIds: graph.input("source", "int32", [batch, sources]),
      positionIds: positions(sources),
      attentionBias: bias,
    },
    options,
  );
  const inputs = {
    inputIds: graph.input("target", "int32", [batch, targets]),
    positionIds: positions(targets),
    attentionBias: graph.input("target_bias", "float32", [1, 1, targets, targets]),
    memoryBias: bias,
  };
  const decoded = model.decode(parameters, encoded, inputs, options);
  const labels = graph.input("labels", "int32", [batch * targets]);
  const scale = graph.input("scale", "float32", []);
  return {
    encoded,
    decoded,
    remembered: model.decode(parameters, model.memory(parameters, encoded), inputs, options),
    logits: seq2SeqLogits(model, parameters, decoded),
    loss: seq2SeqCrossEntropy(model, parameters, decoded, { labels, scale }),
    likelihoods: seq2SeqLogLikelihood(
      model,
      parameters,
      decoded,
      graph.input("labels_by_row", "int32", [batch, targets]),
    ),
  };
}

test("every family has a case, one with a tied head and one with its own", () => {
  expect([...new Set(CASES.map(({ model }) => model.modelType))]).toEqual([...SEQ2SEQ_MODEL_TYPES]);
  const kinds = CASES.filter(({ recorded }) => recorded.optimizer).map(
    ({ model }) => model.config.hasTiedEmbeddings,
  );
  expect(kinds.sort()).toEqual([false, true]);
});

test.each(CASES)("$name: a config.json saved by transformers means the same", ({ recorded, model }) => {
  // Transformers 5 writes every head as tied; whether it is, the weights tell.
  const saved = { ...recorded.savedConfig, tie_word_embeddings: model.config.hasTiedEmbeddings };
  expect(createSeq2SeqModel(saved).config).toEqual(model.config);
});

test("buckets of relative positions", () => {
  interface Buckets {
    readonly buckets: number;
    readonly maxDistance: number;
    readonly isBidirectional: boolean;
    readonly first: number;
    readonly expected: readonly number[];
  }
  for (const { first, expected, ...settings } of fixtureJson<Buckets[]>("seq2seq/buckets.json")) {
    const buckets = expected.map((_, index) => relativePositionBucket(first + index, settings));
    expect(buckets, JSON.stringify(settings)).toEqual(expected);
  }
});

describe.each([createOrtBackend({ threads: 1 }), createReferenceBackend()])("$name", (backend: Backend) => {
  test.each(CASES)("$name: states, logits, loss and every gradient", async (seq2Seq) => {
    const { fixture, model, name, parameters } = seq2Seq;
    checkParameters(model.specs, parameters, name);
    const graph = new Graph();
    const values = declareParameters(graph, model.specs);
    const names = Object.keys(model.specs);
    const outputs: Record<string, Value> = build(seq2Seq, graph, values);
    const { loss, likelihoods } = outputs;
    const of = (value: Value, prefix: string): void => {
      for (const [index, gradient] of gradients(value, names.map(values)).entries()) {
        outputs[`${prefix}.${names[index]}`] = gradient;
      }
    };
    of(loss!, "grad");
    // The same loss over the likelihoods of the rows.
    const scale = graph.inputs.find(({ source }) => source.origin === "input" && source.name === "scale")!;
    of(ops.neg(ops.mul(ops.sumAll(likelihoods!), scale)), "grad_of_likelihood");
    const executable = await backend.compile(graph, outputs);
    const results = await executable.run({ ...feedsOf(seq2Seq), ...parameters });
    await executable.dispose();
    const close = (output: string, expected: string, where = seq2Seq.atTargets): void =>
      expectAllClose(where(results[output]!.data), where(fixture.values(expected)), TOLERANCE, output);
    close("encoded", "encoder_hidden", seq2Seq.atSources);
    close("decoded", "decoder_hidden");
    close("remembered", "decoder_hidden");
    close("logits", "logits");
    const [expectedLoss] = fixture.values("loss") as [number];
    expectAllClose(results.loss!.data, [expectedLoss], { absolute: 1e-6, relative: 2e-6 }, "loss");
    const count = seq2Seq.atTargets(fixture.values("labels")).length;
    const total = Array.from(results.likelihoods!.data, Number).reduce((sum, value) => sum + value, 0);
    expect(-total / count).toBeCloseTo(expectedLoss, 5);
    expect(fixture.names("grad.").sort()).toEqual([...names].sort());
    for (const parameter of names) {
      const expected = fixture.values(`grad.${parameter}`);
      expectAllClose(results[`grad.${parameter}`]!.data, expected, TOLERANCE, parameter);
      expectAllClose(results[`grad_of_likelihood.${parameter}`]!.data, expected, TOLERANCE, parameter);
    }
  });
});

describe("ten AdamW steps through the training loop", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-seq2seq-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(CASES.filter(({ recorded }) => recorded.optimizer))("$name", async (seq2Seq) => {
    const { fixture, model, recorded, name } = seq2Seq;
    const optimizer = recorded.optimizer!;
    const parameters = seq2Seq.copyParameters();
    const outputFolder = join(folder, name);
    await train(
      {
        specs: model.specs,
        build: (graph, values) => ({ loss: build(seq2Seq, graph, values).loss, metrics: {} }),
        microBatches: () => [{ bucket: {}, feeds: feedsOf(seq2Seq), recordIds: ["all"] }],
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
    const near = { absolute: 1e-5, relative: 1e-5 };
    expectAllClose(column("loss"), fixture.values("step_losses"), near, "losses");
    const norms = fixture.values("step_grad_norms");
    expectAllClose(column("gradientNorm"), norms, { absolute: 1e-4, relative: 1e-4 }, "norms");
    for (const parameter of Object.keys(model.specs)) {
      const after = fixture.values(`param_after.${parameter}`);
      expectAllClose(parameters[parameter]!.data, after, { absolute: 1e-4, relative: 1e-4 }, parameter);
    }
  });
});

test("fused passages are one long source whose parts do not see one another", async () => {
  const { model, parameters } = CASES[0]!;
  const [passages, width, targets] = [3, 5, 4];
  const lengths = [5, 2, 4];
  const ids = Int32Array.from({ length: passages * width }, (_, index) => 4 + ((index * 7) % 20));
  const mask = Int32Array.from(ids, (_, index) =>
    index % width < lengths[Math.floor(index / width)]! ? 1 : 0,
  );
  const source = ids.filter((_, index) => mask[index] === 1);
  const part = lengths.flatMap((length, passage) => new Array<number>(length).fill(passage));
  const total = source.length;
  const sees = Float32Array.from({ length: total * total }, (_, index) =>
    part[Math.floor(index / total)] === part[index % total] ? 0 : -1e9,
  );
  const places = lengths.flatMap((length) => [...iota(length)]);
  const graph = new Graph();
  const values = declareParameters(graph, model.specs);
  const constant = (shape: number[], data: Int32Array | number[]): Value =>
    graph.constant("int32", shape, Int32Array.from(data));
  const target = {
    inputIds: constant([1, targets], [0, 9, 5, 12]),
    positionIds: constant([1, targets], iota(targets)),
    attentionBias: graph.constant("float32", [1, 1, targets, targets], new Float32Array(16)),
  };
  const bias = graph.constant(
    "float32",
    [passages, 1, 1, width],
    paddingBias(int32([passages, width], mask)).data,
  );
  const apart = model.encode(values, {
    inputIds: constant([passages, width], ids),
    positionIds: constant([1, width], iota(width)),
    attentionBias: bias,
  });
  const { hidden, memoryBias } = fusePassages(apart, bias, passages);
  const together = model.encode(values, {
    inputIds: constant([1, total], source),
    positionIds: constant([1, total], places),
    attentionBias: graph.constant("float32", [1, 1, total, total], sees),
  });
  const none = graph.constant("float32", [1, 1, 1, total], new Float32Array(total));
  const executable = await createOrtBackend({ threads: 1 }).compile(graph, {
    fused: model.decode(values, hidden, { ...target, memoryBias }),
    long: model.decode(values, together, { ...target, memoryBias: none }),
  });
  const { fused, long } = await executable.run(parameters);
  await executable.dispose();
  expectAllClose(fused!.data, long!.data, { absolute: 1e-5, relative: 1e-5 }, "fused");
});
