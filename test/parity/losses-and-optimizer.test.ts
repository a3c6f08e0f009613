/** Losses, AdamW, clipping and schedules against recorded PyTorch and transformers values. */
import { describe, expect, test } from "vitest";
import { gradients } from "../../src/graph/autodiff.ts";
import * as ops from "../../src/graph/functions.ts";
import { Graph, type Value } from "../../src/graph/ir.ts";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  klDivergence,
  meanSquaredError,
  vocabularyCrossEntropy,
} from "../../src/losses/index.ts";
import {
  adamWStep,
  clipFactor,
  createAdamWState,
  globalNorm,
  learningRateMultiplier,
  type ScheduleKind,
} from "../../src/optim/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { expectAllClose, Fixture, fixtureJson } from "../support/fixtures.ts";

const backend = createOrtBackend({ threads: 1 });
const TOLERANCE = { absolute: 1e-6, relative: 5e-6 };

type Build = (x: Value, targets: Value, shape: readonly number[]) => Value;

const flattenCrossEntropy: Build = (x, targets, shape) =>
  crossEntropy(
    ops.reshape(x, [sizeOf(shape.slice(0, -1)), shape.at(-1)!]),
    ops.reshape(targets, [sizeOf(shape.slice(0, -1))]),
  );

/** The chunked vocabulary loss with an identity projection is plain cross-entropy. */
const throughVocabulary: Build = (x, targets, shape) => {
  const classes = shape.at(-1)!;
  const { graph } = x;
  const identity = Float32Array.from({ length: classes * classes }, (_, flat) =>
    flat % (classes + 1) === 0 ? 1 : 0,
  );
  const labels = ops.reshape(targets, [sizeOf(shape.slice(0, -1))]);
  const labelled = ops.sumAll(ops.toFloat32(ops.greaterOrEqual(labels, ops.scalarLike(labels, 0))));
  const scale = ops.where(
    ops.greater(labelled, ops.scalarLike(labelled, 0)),
    ops.reciprocal(labelled),
    ops.scalarLike(labelled, 0),
  );
  return vocabularyCrossEntropy({
    hidden: x,
    labels,
    weight: graph.constant("float32", [classes, classes], identity),
    scale,
  });
};

const LOSSES: readonly {
  readonly name: string;
  readonly file: string;
  readonly input: string;
  readonly build: Build;
}[] = [
  { name: "cross-entropy", file: "cross-entropy", input: "logits", build: flattenCrossEntropy },
  { name: "vocabulary cross-entropy", file: "cross-entropy", input: "logits", build: throughVocabulary },
  {
    name: "kl-divergence",
    file: "kl-divergence",
    input: "logits",
    build: (x, targets) => klDivergence(x, targets),
  },
  {
    name: "bce-with-logits",
    file: "bce-with-logits",
    input: "logits",
    build: (x, targets, shape) => {
      const weights = new Float32Array(sizeOf(shape)).fill(1 / sizeOf(shape));
      return binaryCrossEntropyWithLogits(x, targets, x.graph.constant("float32", shape, weights));
    },
  },
  { name: "mse", file: "mse", input: "input", build: (x, targets) => meanSquaredError(x, targets) },
];

describe.each(LOSSES)("$name", ({ file, input, build }) => {
  const fixture = new Fixture(`losses/${file}.safetensors`);
  const { cases } = fixtureJson<{ cases: Record<string, unknown> }>(`losses/${file}.json`);
  test.each(Object.keys(cases))("%s: loss and gradient", async (name) => {
    const shape = fixture.shape(`${name}.${input}`);
    const isLabels = file === "cross-entropy";
    const targets = isLabels ? fixture.int(`${name}.targets`) : fixture.float(`${name}.targets`);
    const graph = new Graph();
    const x = graph.parameter("x", shape);
    const loss = build(x, graph.input("targets", targets.dtype, targets.shape), shape);
    const executable = await backend.compile(graph, { loss, gradient: gradients(loss, [x])[0]! });
    const results = await executable.run({ x: fixture.float(`${name}.${input}`), targets });
    await executable.dispose();
    // PyTorch's mean over no labels is NaN; ours is 0, which its sum agrees with.
    const suffix = name === "all_ignored" ? "_sum" : "";
    expectAllClose(results.loss!.data, fixture.values(`${name}.loss${suffix}`), TOLERANCE, "loss");
    expectAllClose(results.gradient!.data, fixture.values(`${name}.grad${suffix}`), TOLERANCE, "gradient");
  });
});

describe("AdamW", () => {
  const fixture = new Fixture("optim/adamw.safetensors");
  const { cases } = fixtureJson<{
    cases: Record<
      string,
      {
        beta1: number;
        beta2: number;
        epsilon: number;
        multipliers: number[];
        groups: { parameters: string[]; learningRate: number; weightDecay: number }[];
      }
    >;
  }>("optim/adamw.json");
  test.each(Object.keys(cases))("%s: ten steps of two groups", async (name) => {
    const { groups, multipliers, ...options } = cases[name]!;
    const optimizerGroups = groups.map(({ parameters, ...rest }) => ({ names: parameters, ...rest }));
    const names = fixture.names(`${name}.param.`);
    const arrays = Object.fromEntries(
      names.map((parameter) => [parameter, fixture.float(`${name}.param.${parameter}`).data]),
    );
    const state = createAdamWState(optimizerGroups, arrays);
    for (const [step, multiplier] of multipliers.entries()) {
      const at = (kind: string, parameter: string): Float32Array => {
        const all = fixture.float(`${name}.${kind}.${parameter}`).data;
        const size = arrays[parameter]!.length;
        return all.subarray(step * size, (step + 1) * size);
      };
      const gradient = Object.fromEntries(names.map((parameter) => [parameter, at("grad", parameter)]));
      await adamWStep(optimizerGroups, arrays, gradient, state, { gradientScale: 1, multiplier }, options);
      for (const parameter of names) {
        expectAllClose(
          arrays[parameter]!,
          at("after", parameter),
          { absolute: 1e-6, relative: 2e-6 },
          `${parameter} after ${step}`,
        );
      }
    }
  });
});

describe("global-norm clipping", () => {
  const fixture = new Fixture("optim/clip.safetensors");
  const { cases } = fixtureJson<{ cases: Record<string, { maxNorm: number; tensors: string[] }> }>(
    "optim/clip.json",
  );
  test.each(Object.keys(cases))("%s", async (name) => {
    const { maxNorm, tensors } = cases[name]!;
    const arrays = tensors.map((tensor) => fixture.float(`${name}.grad.${tensor}`).data);
    const norm = await globalNorm(arrays);
    expectAllClose([norm], fixture.values(`${name}.norm_f64`), { absolute: 1e-12, relative: 1e-9 }, "norm");
    for (const [index, tensor] of tensors.entries()) {
      const clipped = arrays[index]!.map((value) => value * clipFactor(norm, maxNorm));
      expectAllClose(clipped, fixture.values(`${name}.clipped.${tensor}`), TOLERANCE, tensor);
    }
  });
});

describe("schedules", () => {
  const { cases } = fixtureJson<{
    cases: {
      kind: ScheduleKind;
      warmupSteps: number;
      totalSteps: number;
      multipliers: number[];
      comparableSteps: number;
    }[];
  }>("optim/schedules.json");
  test.each(cases)(
    "$kind, warm-up $warmupSteps of $totalSteps",
    ({ multipliers, comparableSteps, ...schedule }) => {
      const received = multipliers
        .slice(0, comparableSteps)
        .map((_, step) => learningRateMultiplier(schedule, step));
      expectAllClose(
        received,
        multipliers.slice(0, comparableSteps),
        { absolute: 1e-12, relative: 0 },
        schedule.kind,
      );
      expect(learningRateMultiplier(schedule, 0)).toBeLessThanOrEqual(1);
    },
  );
});
