import { describe, expect, test } from "vitest";
import { TINY_GPT2, TINY_MODERNBERT, tinyLookahead } from "../../../test/support/tiny-lookahead.ts";
import { Graph } from "../../graph/ir.ts";
import { createCausalModel } from "../../models/index.ts";
import { MASKED_BIAS } from "../../nn/attention.ts";
import { declareParameters, initialiseParameters } from "../../nn/index.ts";
import { toOnnx } from "../../onnx/index.ts";
import { readOnnxModel } from "../../onnx/model.ts";
import { createOrtBackend } from "../../runtime/index.ts";
import { float32, int32 } from "../../tensor/host-tensor.ts";
import { lookaheadDefaults } from "../defaults.ts";
import { smallBackboneConfig } from "./backbone.ts";
import { BatchSchedule } from "./batches.ts";
import { routingWeights } from "./encode.ts";
import { clmRow, type EncodedExample, mlmRow } from "./layout.ts";
import { declareRowInputs, lookaheadSpecs, routingForward } from "./model.ts";
import type { LookaheadSettings, Variant } from "./settings.ts";
import { createLookaheadTask, maskRate } from "./task.ts";

const settingsFor = (variant: Variant): LookaheadSettings => tinyLookahead({ variant });

const example: EncodedExample = {
  recordId: "r",
  prompt: Int32Array.of(2, 20, 21, 22, 3),
  responses: [
    { tokens: Int32Array.of(30, 31, 32, 33), isComplete: false },
    { tokens: Int32Array.of(40, 41), isComplete: true },
    { tokens: Int32Array.of(50), isComplete: true },
  ],
  labels: Float64Array.of(1, 0, 1),
  weight: 1,
};

describe("the MLM row", () => {
  const settings = settingsFor("mlm");

  test("at rate 1 hides every response and restarts positions at the prompt's length", () => {
    const row = mlmRow(settings, example, 8, 1);
    expect([...row.inputIds]).toEqual([
      2, 20, 21, 22, 3, 0, 0, 0, 5, 5, 5, 5, 3, 6, 6, 6, 6, 3, 7, 7, 7, 7, 3,
    ]);
    expect([...row.positionIds.slice(8, 18)]).toEqual([5, 6, 7, 8, 9, 5, 6, 7, 8, 9]);
    expect([...row.attentionBias.slice(4, 9)]).toEqual([0, MASKED_BIAS, MASKED_BIAS, MASKED_BIAS, 0]);
    expect(row.targets.map(({ token }) => token)).toEqual([30, 31, 32, 33, 40, 41, 50]);
  });

  test("at rate 0.5 keeps the beginning visible and always hides at least one token", () => {
    const row = mlmRow(settings, example, 8, 0.5);
    expect([...row.inputIds.slice(8, 12)]).toEqual([30, 31, 5, 5]);
    expect(row.targets.map(({ token }) => token)).toEqual([32, 33, 41, 50]);
  });

  test("the curriculum rises linearly from its start to 1", () => {
    const training = { ...lookaheadDefaults("mlm", false), curriculumFraction: 0.5, curriculumStart: 0.2 };
    for (const [step, rate] of [
      [0, 0.2],
      [25, 0.6],
      [50, 1],
      [99, 1],
    ] as const) {
      expect(maskRate(training, step, 100)).toBeCloseTo(rate, 12);
    }
  });
});

/** A small backbone of every kind: all-global, local, local and global with two rotary bases, learned positions. */
const DECODERS: Record<string, unknown>[] = [
  smallBackboneConfig("clm", 64),
  { ...smallBackboneConfig("clm", 64), model_type: "mistral", sliding_window: 3 },
  {
    ...smallBackboneConfig("clm", 64),
    model_type: "gemma3_text",
    head_dim: 32,
    sliding_window: 3,
    sliding_window_pattern: 2,
    final_logit_softcapping: 20,
  },
  TINY_GPT2,
];

describe.each(DECODERS)("CLM on $model_type", (backbone) => {
  const settings = { ...settingsFor("clm"), backbone };
  const specs = lookaheadSpecs(settings);
  const parameters = initialiseParameters(specs, 3);

  async function hiddenOf(row: {
    inputIds: Int32Array;
    positionIds: Int32Array;
    attentionBias: Float32Array;
  }) {
    const tokens = row.inputIds.length;
    const graph = new Graph();
    const { hidden, logits } = routingForward(
      settings,
      declareParameters(graph, specs),
      declareRowInputs(graph, settings, 1, tokens),
      false,
    );
    const executable = await createOrtBackend({ threads: 1 }).compile(graph, { hidden, logits });
    const results = await executable.run({
      ...parameters,
      input_ids: int32([1, tokens], row.inputIds),
      position_ids: int32([1, tokens], row.positionIds),
      attention_bias: float32([1, 1, tokens, tokens], row.attentionBias),
    });
    await executable.dispose();
    return { hidden: results.hidden!.data as Float32Array, logits: results.logits!.data };
  }

  test("one shared prompt gives what one causal sequence per candidate gives", async () => {
    const promptTokens = 8;
    const row = clmRow(settings, example, promptTokens, true);
    const shared = await hiddenOf(row);
    const width = createCausalModel(backbone).config.hiddenSize;
    for (const [t, candidateToken] of settings.candidateTokenIds.entries()) {
      // prompt | MID_t | response_t, plainly causal
      const words = [...example.prompt, candidateToken, ...example.responses[t]!.tokens];
      const tokens = words.length;
      const alone = await hiddenOf({
        inputIds: Int32Array.from(words),
        positionIds: Int32Array.from(words, (_, index) => index),
        attentionBias: Float32Array.from({ length: tokens * tokens }, (_, flat) =>
          flat % tokens > Math.floor(flat / tokens) ? MASKED_BIAS : 0,
        ),
      });
      const compare = (sharedPosition: number, alonePosition: number): void => {
        for (let column = 0; column < width; column++) {
          const received = shared.hidden[sharedPosition * width + column]!;
          expect(Math.abs(received - alone.hidden[alonePosition * width + column]!)).toBeLessThan(2e-5);
        }
      };
      compare(t, example.prompt.length);
      const start = 3 + promptTokens + t * (settings.responseTokens + 1);
      for (let j = 0; j < example.responses[t]!.tokens.length; j++)
        compare(start + j, example.prompt.length + 1 + j);
    }
  });

  test("targets are the next tokens, with the end only where the response ends", () => {
    const row = clmRow(settings, example, 8, true);
    const start = (t: number): number => 3 + 8 + t * 5;
    expect(row.targets).toEqual([
      { position: 0, token: 30 },
      { position: start(0), token: 31 },
      { position: start(0) + 1, token: 32 },
      { position: start(0) + 2, token: 33 },
      { position: 1, token: 40 },
      { position: start(1), token: 41 },
      { position: start(1) + 1, token: 3 },
      { position: 2, token: 50 },
      { position: start(2), token: 3 },
    ]);
  });

  test("inference without responses scores exactly as the full row does", async () => {
    const full = await hiddenOf(clmRow(settings, example, 8, true));
    const short = await hiddenOf(clmRow(settings, { ...example, responses: [] }, 8, false));
    for (const [index, logit] of [...short.logits].entries())
      expect(Math.abs(logit - full.logits[index]!)).toBeLessThan(1e-5);
  });
});

describe("batches", () => {
  const examples = Array.from({ length: 50 }, (_, index) => ({
    ...example,
    recordId: `r${index}`,
    prompt: new Int32Array(5 + index),
  }));
  const schedule = new BatchSchedule(examples, 64, 8, 1);

  test("every example comes once an epoch, in another order in the next", () => {
    const epoch = (number: number): number[][] =>
      Array.from({ length: schedule.batchesPerEpoch }, (_, index) => [
        ...schedule.batch(number * schedule.batchesPerEpoch + index).members,
      ]);
    for (const number of [0, 1])
      expect(
        epoch(number)
          .flat()
          .sort((a, b) => a - b),
      ).toEqual(examples.map((_, index) => index));
    expect(epoch(0)).not.toEqual(epoch(1));
    expect(epoch(0)).toEqual(epoch(0));
  });

  test("ties carry no routing weight, and rare benchmarks more than common ones", () => {
    const weights = routingWeights(["x", "x", "x", "x", "y", "y"], [true, true, true, true, true, false]);
    expect(weights[5]).toBe(0);
    expect(weights[4]! / weights[0]!).toBeCloseTo(2, 10);
    expect(weights.slice(0, 5).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(5, 10);
  });

  test("accumulated micro-batches share one mean", () => {
    const training = { ...lookaheadDefaults("mlm", false), batchSize: 8, accumulation: 2, epochs: 1 };
    const task = createLookaheadTask(settingsFor("mlm"), training, examples);
    const batches = task.microBatches(0);
    expect(batches).toHaveLength(2);
    const total = batches
      .flatMap(({ feeds }) => [...feeds.label_weights!.data])
      .reduce((sum, weight) => sum + weight, 0);
    expect(total).toBeCloseTo(1, 5);
  });
});

/** A small encoder of every family; ModernBERT's windows are shorter than the rows. */
const ENCODERS: Record<string, unknown>[] = [smallBackboneConfig("mlm", 64), TINY_MODERNBERT];

describe.each(ENCODERS)("MLM on $model_type", (backbone) => {
  const settings: LookaheadSettings = { ...settingsFor("mlm"), backbone };
  const specs = lookaheadSpecs(settings);
  const parameters = initialiseParameters(specs, 3);

  async function logitsOf(changed: Partial<LookaheadSettings>, promptTokens: number) {
    const graph = new Graph();
    const ours = { ...settings, ...changed };
    const { logits } = routingForward(
      ours,
      declareParameters(graph, specs),
      declareRowInputs(graph, ours, "batch", "tokens"),
      false,
    );
    const executable = await createOrtBackend({ threads: 1 }).compile(graph, { logits });
    const row = mlmRow(ours, { ...example, responses: [] }, promptTokens, 1);
    const tokens = row.inputIds.length;
    const results = await executable.run({
      ...parameters,
      input_ids: int32([1, tokens], row.inputIds),
      position_ids: int32([1, tokens], row.positionIds),
      attention_bias: float32([1, 1, 1, tokens], row.attentionBias),
      pooling_weights: float32([1, 1, tokens], row.poolingWeights),
    });
    await executable.dispose();
    return [...results.logits!.data];
  }

  test("neither padding nor the order of the candidates' blocks changes a score", async () => {
    const scores = await logitsOf({}, 5);
    expect(new Set(scores).size).toBe(3);
    const padded = await logitsOf({}, 16);
    const shuffled = await logitsOf({ candidateTokenIds: [7, 5, 6] }, 5);
    for (const [index, score] of scores.entries()) {
      expect(padded[index]).toBeCloseTo(score, 5);
      expect(shuffled[index]).toBeCloseTo(score, 5);
    }
  });
});

test.each(
  ENCODERS.flatMap((backbone) => [
    { variant: "mlm" as const, prediction: "joint" as const, backbone },
    { variant: "mlm" as const, prediction: "separate" as const, backbone },
    { variant: "mlc" as const, prediction: "joint" as const, backbone },
  ]),
)(
  "$variant ($prediction) on $backbone.model_type exports with symbolic batch and length",
  ({ variant, ...changes }) => {
    const settings = { ...settingsFor(variant), ...changes };
    const graph = new Graph();
    const { logits } = routingForward(
      settings,
      declareParameters(graph, lookaheadSpecs(settings)),
      declareRowInputs(graph, settings, "batch", "tokens"),
      false,
    );
    const model = readOnnxModel(toOnnx(graph, { logits }));
    expect(logits.shape).toEqual(["batch", 3]);
    expect(model.outputs).toEqual(["logits"]);
    expect(model.inputs).toContain("attention_bias");
  },
);
