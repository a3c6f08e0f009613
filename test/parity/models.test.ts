/** BERT and Llama against recorded PyTorch runs: hidden states, logits, loss, every gradient, ten AdamW steps. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import * as ops from "../../src/graph/functions.ts";
import { Graph, type Value } from "../../src/graph/ir.ts";
import { vocabularyCrossEntropy } from "../../src/losses/index.ts";
import {
  bertEncoder,
  bertMlmHeadSpecs,
  bertMlmLogits,
  bertMlmTransform,
  bertSpecs,
  llamaDecoder,
  llamaHead,
  llamaLogits,
  llamaSpecs,
  parseBertConfig,
  parseLlamaConfig,
} from "../../src/models/index.ts";
import { MASKED_BIAS } from "../../src/nn/attention.ts";
import {
  checkParameters,
  declareParameters,
  type ParameterSpecs,
  type ParameterValues,
} from "../../src/nn/index.ts";
import { type Backend, createOrtBackend, type Feeds } from "../../src/runtime/index.ts";
import { createReferenceBackend } from "../../src/runtime/reference/index.ts";
import { float32, int32 } from "../../src/tensor/host-tensor.ts";
import { readMetrics, train, trainingPaths } from "../../src/train/index.ts";
import { expectAllClose, Fixture, fixtureJson } from "../support/fixtures.ts";

interface ModelCase {
  readonly name: string;
  readonly specs: ParameterSpecs;
  readonly feeds: Feeds;
  build(graph: Graph, parameters: ParameterValues): { hidden: Value; logits: Value; loss: Value };
}

/** Float sums in another order than PyTorch's; gradients here are of size 0.01 to 10. */
const TOLERANCE = { absolute: 2e-5, relative: 1e-4 };

const fixtures = new Map(
  ["tiny-bert", "tiny-llama", "tiny-llama-masks", "tiny-llama-untied"].map((name) => [
    name,
    new Fixture(`models/${name}.safetensors`),
  ]),
);

/** Next-token labels are shifted by one: the label of position t is predicted at t - 1. */
function shiftedLabels(fixture: Fixture): Int32Array {
  const labels = fixture.int("labels");
  const [batch, tokens] = labels.shape as [number, number];
  return Int32Array.from({ length: batch * tokens }, (_, flat) =>
    flat % tokens === tokens - 1 ? -100 : Number(labels.data[flat + 1]),
  );
}

function bertCase(): ModelCase {
  const fixture = fixtures.get("tiny-bert")!;
  const config = parseBertConfig(fixtureJson("models/tiny-bert.config.json"));
  const mask = fixture.int("attention_mask");
  const [batch, tokens] = mask.shape as [number, number];
  const labels = fixture.int("labels");
  const count = labels.data.filter((label) => label >= 0).length;
  return {
    name: "tiny-bert",
    specs: { ...bertSpecs(config, "bert."), ...bertMlmHeadSpecs(config) },
    feeds: {
      ids: fixture.int("input_ids"),
      types: fixture.int("token_type_ids"),
      positions: int32(
        [batch, tokens],
        Int32Array.from({ length: batch * tokens }, (_, flat) => flat % tokens),
      ),
      bias: float32(
        [batch, 1, 1, tokens],
        Float32Array.from(mask.data, (kept) => (kept ? 0 : MASKED_BIAS)),
      ),
      labels: int32([batch * tokens], labels.data as Int32Array),
      scale: float32([], [1 / count]),
    },
    build: (graph, parameters) => {
      const input = (name: string): Value => graph.input(name, "int32", [batch, tokens]);
      const attentionBias = graph.input("bias", "float32", [batch, 1, 1, tokens]);
      const inputs = {
        inputIds: input("ids"),
        tokenTypeIds: input("types"),
        positionIds: input("positions"),
        attentionBias,
      };
      const hidden = bertEncoder(config, parameters, inputs, { isTraining: true, prefix: "bert." });
      const loss = vocabularyCrossEntropy({
        hidden: bertMlmTransform(config, parameters, hidden),
        labels: graph.input("labels", "int32", [batch * tokens]),
        weight: parameters("bert.embeddings.word_embeddings.weight"),
        bias: parameters("cls.predictions.bias"),
        scale: graph.input("scale", "float32", []),
      });
      return { hidden, logits: bertMlmLogits(config, parameters, hidden), loss };
    },
  };
}

function llamaCase(name: string): ModelCase {
  const fixture = fixtures.get(name)!;
  const config = parseLlamaConfig(fixtureJson(`models/${name}.config.json`));
  const [batch, tokens] = fixture.shape("input_ids") as [number, number];
  const has4dMask = fixture.names("").includes("attention_mask_4d");
  const padding = has4dMask ? undefined : fixture.int("attention_mask");
  const bias = has4dMask
    ? Float32Array.from(fixture.float("attention_mask_4d").data, (value) => Math.max(value, MASKED_BIAS))
    : Float32Array.from({ length: batch * tokens * tokens }, (_, flat) => {
        const key = flat % tokens;
        const query = Math.floor(flat / tokens) % tokens;
        const isPadding = padding!.data[Math.floor(flat / tokens / tokens) * tokens + key] === 0;
        return key > query || isPadding ? MASKED_BIAS : 0;
      });
  const labels = shiftedLabels(fixture);
  return {
    name,
    specs: llamaSpecs(config),
    feeds: {
      ids: fixture.int("input_ids"),
      positions: fixture.int("position_ids"),
      bias: float32([batch, 1, tokens, tokens], bias),
      labels: int32([batch * tokens], labels),
      scale: float32([], [1 / labels.filter((label) => label >= 0).length]),
    },
    build: (graph, parameters) => {
      const input = (inputName: string): Value => graph.input(inputName, "int32", [batch, tokens]);
      const attentionBias = graph.input("bias", "float32", [batch, 1, tokens, tokens]);
      const hidden = llamaDecoder(config, parameters, {
        inputIds: input("ids"),
        positionIds: input("positions"),
        attentionBias,
      });
      const loss = vocabularyCrossEntropy({
        hidden,
        labels: graph.input("labels", "int32", [batch * tokens]),
        weight: llamaHead(config, parameters),
        scale: graph.input("scale", "float32", []),
      });
      return { hidden, logits: llamaLogits(config, parameters, hidden), loss };
    },
  };
}

const CASES = [
  bertCase(),
  llamaCase("tiny-llama"),
  llamaCase("tiny-llama-masks"),
  llamaCase("tiny-llama-untied"),
];

function parametersOf(fixture: Fixture, prefix = "param.") {
  return Object.fromEntries(fixture.names(prefix).map((name) => [name, fixture.float(prefix + name)]));
}

describe.each([createOrtBackend({ threads: 1 }), createReferenceBackend()])("$name", (backend: Backend) => {
  test.each(CASES)(
    "$name: hidden states, logits, loss and every gradient",
    async ({ name, specs, feeds, build }) => {
      const fixture = fixtures.get(name)!;
      const parameters = parametersOf(fixture);
      checkParameters(specs, parameters, name);
      const graph = new Graph();
      const values = declareParameters(graph, specs);
      const { hidden, logits, loss } = build(graph, values);
      const names = Object.keys(specs);
      const outputs: Record<string, Value> = { hidden, logits, loss };
      for (const [index, gradient] of gradients(loss, names.map(values)).entries())
        outputs[`grad.${names[index]}`] = gradient;
      const executable = await backend.compile(graph, outputs);
      const results = await executable.run({ ...feeds, ...parameters });
      await executable.dispose();
      const tokens = fixture.shape("input_ids")[1]!;
      // PyTorch's padded rows differ harmlessly: compare the rows that mean something.
      const padding = fixture.names("").includes("attention_mask")
        ? fixture.int("attention_mask").data
        : undefined;
      const meaningful = (data: ArrayLike<number>): number[] => {
        const width = data.length / fixture.int("input_ids").data.length;
        return Array.from(data).filter((_, flat) => padding?.[Math.floor(flat / width)] !== 0);
      };
      expect(tokens).toBeGreaterThan(1);
      expectAllClose(
        meaningful(results.hidden!.data),
        meaningful(fixture.values("last_hidden_state")),
        TOLERANCE,
        "hidden",
      );
      expectAllClose(
        meaningful(results.logits!.data),
        meaningful(fixture.values("logits")),
        TOLERANCE,
        "logits",
      );
      expectAllClose(results.loss!.data, fixture.values("loss"), { absolute: 1e-6, relative: 2e-6 }, "loss");
      expect(fixture.names("grad.").sort()).toEqual([...names].sort());
      for (const parameter of names) {
        expectAllClose(
          results[`grad.${parameter}`]!.data,
          fixture.values(`grad.${parameter}`),
          TOLERANCE,
          parameter,
        );
      }
    },
  );
});

describe("ten AdamW steps through the training loop", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-parity-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const stepped = CASES.filter(({ name }) => fixtures.get(name)!.names("").includes("step_losses"));
  test.each(stepped)("$name", async ({ name, specs, feeds, build }) => {
    const fixture = fixtures.get(name)!;
    const { optimizer, incomparableAfterSteps } = fixtureJson<{
      optimizer: {
        learningRate: number;
        maxGradientNorm: number;
        steps: number;
        groups: { weightDecay: number; parameters: string[] }[];
      };
      incomparableAfterSteps: string[];
    }>(`models/${name}.json`);
    const parameters = parametersOf(fixture);
    const outputFolder = join(folder, name);
    await train(
      {
        specs,
        build: (graph, values) => ({ loss: build(graph, values).loss, metrics: {} }),
        microBatches: () => [{ bucket: {}, feeds, recordIds: ["all"] }],
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
    const losses = metrics.map(({ loss }) => loss);
    const norms = metrics.map(({ gradientNorm }) => gradientNorm);
    expectAllClose(losses, fixture.values("step_losses"), { absolute: 1e-5, relative: 1e-5 }, "losses");
    expectAllClose(norms, fixture.values("step_grad_norms"), { absolute: 1e-4, relative: 1e-4 }, "norms");
    for (const parameter of Object.keys(specs).filter(
      (candidate) => !incomparableAfterSteps.includes(candidate),
    )) {
      const after = fixture.values(`param_after.${parameter}`);
      expectAllClose(parameters[parameter]!.data, after, { absolute: 1e-4, relative: 1e-4 }, parameter);
    }
  });
});

test("multiplying by one adds no node", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2]);
  expect(ops.mul(x, graph.scalar(1))).toBe(x);
});
