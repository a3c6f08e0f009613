import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { TINY_GPT2, TINY_MODERNBERT, tinyLookahead } from "../../../test/support/tiny-lookahead.ts";
import { Graph } from "../../graph/ir.ts";
import type { JudgedRecord } from "../../judged/record.ts";
import { createCausalModel, createEncoderModel } from "../../models/index.ts";
import { MASKED_BIAS } from "../../nn/attention.ts";
import { declareParameters, initialiseParameters } from "../../nn/index.ts";
import { toOnnx } from "../../onnx/index.ts";
import { readOnnxModel } from "../../onnx/model.ts";
import { createOrtBackend } from "../../runtime/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { float32, int32 } from "../../tensor/host-tensor.ts";
import { loadTokenizer } from "../../text/index.ts";
import { saveParameters } from "../../train/checkpoint.ts";
import { lookaheadDefaults } from "../defaults.ts";
import { smallBackboneConfig, startParameters } from "./backbone.ts";
import { BatchSchedule } from "./batches.ts";
import { routingWeights } from "./encode.ts";
import { clmRow, type EncodedExample, mlmRow } from "./layout.ts";
import { loadLookahead } from "./lookahead-router.ts";
import { declareRowInputs, lookaheadSpecs, routingForward } from "./model.ts";
import type { LookaheadSettings, Variant } from "./settings.ts";
import { createLookaheadTask, maskRate } from "./task.ts";
import { trainLookahead } from "./train.ts";
import { scaledRoutingLoss } from "./validation.ts";

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

describe("choosing a checkpoint", () => {
  const labels = [Float64Array.of(1, 0), Float64Array.of(0, 1), Float64Array.of(1, 0)];
  const loss = (rows: readonly (readonly number[])[], weights = [1, 1, 1]) =>
    scaledRoutingLoss(
      rows.map((row) => Float64Array.from(row)),
      labels,
      weights,
    );

  test("a constant router that knows nothing scores ln 2", () => {
    expect(
      loss([
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    ).toBeCloseTo(Math.LN2, 12);
  });

  test("scaling all logits changes nothing, ranking better does", () => {
    const right = [
      [1, -1],
      [-1, 1],
      [-0.5, 0.5],
    ];
    const tenfold = right.map((row) => row.map((logit) => 10 * logit));
    const better = [right[0]!, right[1]!, [0.1, -0.1]];
    expect(loss(tenfold)).toBeCloseTo(loss(right), 9);
    expect(loss(better)).toBeLessThan(loss(right));
  });

  test("prompts count by their weights", () => {
    const rows = [
      [1, -1],
      [-1, 1],
      [-9, 9],
    ];
    expect(loss(rows, [1, 1, 0])).toBeLessThan(1e-6);
    expect(loss(rows)).toBeGreaterThan(0.1);
  });
});

describe("training to a router", () => {
  const folder = mkdtempSync(join(tmpdir(), "tutti-lookahead-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const words = ["sum the numbers", "write a function"];
  const records: JudgedRecord[] = Array.from({ length: 64 }, (_, index) => ({
    id: `r${index}`,
    benchmark: index % 2 ? "code" : "math",
    prompt: `${words[index % 2]} ${index}`,
    candidates: {
      adder: { response: "the sum is", score: index % 2 ? 0 : 1 },
      coder: { response: "def function", score: index % 2 ? 1 : 0 },
    },
  }));

  test.each([
    { name: "mlm", variant: "mlm", changes: {} },
    {
      name: "separate mlm, random masking, KL",
      variant: "mlm",
      changes: { prediction: "separate", masking: "random", routingLoss: "kl", span: "informative" },
    },
    { name: "clm", variant: "clm", changes: {} },
    { name: "mlc", variant: "mlc", changes: {} },
  ] as const)(
    "$name learns which model suits which prompt, and loads as saved",
    async ({ name, variant, changes }) => {
      const options = {
        ...lookaheadDefaults(variant, false),
        ...changes,
        responseTokens: 3,
        maxPromptTokens: 32,
        epochs: 10,
        batchSize: 8,
        validations: 2,
        threads: 1,
      };
      const out = join(folder, name);
      const router = await trainLookahead(
        "lookahead",
        records.slice(0, 48),
        [],
        ["adder", "coder"],
        options,
        out,
      );
      const queries = records.slice(48).map(({ id, prompt }) => ({ id, prompt: String(prompt) }));
      const scores = await router.scores(queries);
      const right = scores.filter((row, index) => row[index % 2]! > row[1 - (index % 2)]!).length;
      expect(right).toBeGreaterThanOrEqual(15);
      const loaded = loadLookahead(out, "lookahead");
      const again = await loaded.scores(queries);
      // Saved weights are bit-equal; batches of one shape give equal sums.
      expect(again).toEqual(scores);
      expect(loaded.settings.responseWeight).toBe(options.lambda);
      await router.dispose();
      await loaded.dispose();
    },
  );

  /** A random ModernBERT as the hub would hold it, without the prefix and the head of masked language models. */
  function bareModernBert(): string {
    const backbone = join(folder, "modernbert");
    mkdirSync(backbone);
    const { tokenizerPath } = lookaheadDefaults("mlm", true);
    const vocabularySize = loadTokenizer(tokenizerPath).vocabularySize;
    const config = { ...ENCODERS[1], vocab_size: vocabularySize };
    const model = createEncoderModel(config);
    const parameters = initialiseParameters(model.specs, 1);
    const bare = Object.entries(parameters).map(([name, tensor]) => [
      name.slice(model.prefix.length),
      tensor,
    ]);
    writeFileSync(join(backbone, "config.json"), JSON.stringify(config));
    copyFileSync(tokenizerPath, join(backbone, "tokenizer.json"));
    saveParameters(join(backbone, "model.safetensors"), Object.fromEntries(bare), {});
    return backbone;
  }

  test("mlm starts from the first layers of a ModernBERT folder, learns and loads as saved", async () => {
    const options = {
      ...lookaheadDefaults("mlm", true),
      backboneFolder: bareModernBert(),
      backboneLayers: 2,
      responseTokens: 3,
      maxPromptTokens: 32,
      epochs: 10,
      batchSize: 8,
      validations: 2,
      threads: 1,
      learningRate: 2e-3,
    };
    const out = join(folder, "from-modernbert");
    const [training, queries] = [records.slice(0, 48), records.slice(48)];
    const router = await trainLookahead("lookahead", training, [], ["adder", "coder"], options, out);
    expect(router.settings.backbone).toMatchObject({ model_type: "modernbert", num_hidden_layers: 2 });
    const prompts = queries.map(({ id, prompt }) => ({ id, prompt: String(prompt) }));
    const scores = await router.scores(prompts);
    const right = scores.filter((row, index) => row[index % 2]! > row[1 - (index % 2)]!).length;
    expect(right).toBeGreaterThanOrEqual(15);
    const loaded = loadLookahead(out, "lookahead");
    expect(await loaded.scores(prompts)).toEqual(scores);
    await router.dispose();
    await loaded.dispose();
  });

  test("with its last layer tuned, embeddings and lower layers stay as they came", async () => {
    const backboneFolder = join(folder, "modernbert");
    const options = {
      ...lookaheadDefaults("mlm", true),
      backboneFolder,
      responseTokens: 3,
      maxPromptTokens: 32,
      threads: 1,
    };
    const tuned = { ...options, epochs: 1, batchSize: 8, validations: 1, tunedLayers: 1 };
    const out = join(folder, "tuned");
    const router = await trainLookahead(
      "lookahead",
      records.slice(0, 16),
      [],
      ["adder", "coder"],
      tuned,
      out,
    );
    const start = startParameters(router.settings, tuned.seed, backboneFolder);
    const names = Object.keys(start);
    const isSame = (name: string) =>
      start[name]!.data.every((value, index) => value === router.parameters[name]!.data[index]);
    const layers = Number(router.settings.backbone.num_hidden_layers);
    const isTuned = (name: string) =>
      !/embeddings/.test(name) && !(Number(/layers\.(\d+)/.exec(name)?.[1] ?? layers) < layers - 1);
    expect(names.filter((name) => !isSame(name))).toEqual(names.filter(isTuned));
    expect(names.filter((name) => !isTuned(name)).length).toBeGreaterThan(5);
    await router.dispose();
    const train = (changes: object) =>
      trainLookahead(
        "lookahead",
        records.slice(0, 16),
        [],
        ["adder", "coder"],
        { ...tuned, ...changes },
        join(folder, "refused"),
      );
    await expect(train({ tunedLayers: 9 })).rejects.toThrow(
      `9 layers are to be tuned, expected at most the backbone's ${layers}`,
    );
    await expect(train({ backboneFolder: undefined })).rejects.toThrow(
      /of a backbone that starts from scratch/,
    );
  });

  test("rows for candidates are added to tables and biases, or taken from spare ones", () => {
    const grown = { ...settingsFor("mlm"), backbone: { ...ENCODERS[1], vocab_size: 128 } };
    const source = join(folder, "grown");
    const small = lookaheadSpecs({ ...grown, backbone: ENCODERS[1]! });
    mkdirSync(source);
    const stored = {
      ...initialiseParameters(small, 1),
      "decoder.bias": float32([64], new Float32Array(64).fill(0.5)),
    };
    saveParameters(join(source, "model.safetensors"), stored, {});
    const parameters = startParameters(grown, 0, source);
    expect([...parameters["decoder.bias"]!.data]).toEqual(Array(128).fill(0.5));
    const table = parameters["model.embeddings.tok_embeddings.weight"]!;
    expect(table.shape).toEqual([128, 32]);
    expect(table.data.subarray(64 * 32).every((value) => Number.isFinite(value) && value !== 0)).toBe(true);
    const shrunk = { ...grown, backbone: { ...ENCODERS[1], vocab_size: 32 } };
    expect(() => startParameters(shrunk, 0, source)).toThrow(/the model takes \[32,32\]/);
  });

  test("a run that was stopped does not go on with other options", async () => {
    const options = { ...lookaheadDefaults("mlc", false), batchSize: 8, threads: 1, maxPromptTokens: 32 };
    const out = join(folder, "other-options");
    const run = (changes: Partial<typeof options>) => {
      const stop = new AbortController();
      return trainLookahead("mlc", records, [], ["adder", "coder"], { ...options, ...changes }, out, {
        onStep: () => stop.abort(),
        signal: stop.signal,
      });
    };
    await expect(run({})).rejects.toMatchObject({ code: "INTERRUPTED" });
    for (const changes of [
      { routingLoss: "kl" },
      { labelThreshold: 0.9 },
      { normalisation: "dataset" },
    ] as const)
      await expect(run(changes)).rejects.toMatchObject({ code: "CHECKPOINT_MISMATCH" });
    await expect(run({})).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  test("a NaN stops the run naming step, tensor and records", async () => {
    const options = {
      ...lookaheadDefaults("mlc", false),
      epochs: 3,
      batchSize: 8,
      threads: 1,
      learningRate: 1e30,
      maxGradientNorm: 0,
      maxPromptTokens: 32,
    };
    const run = trainLookahead("mlc", records, [], ["adder", "coder"], options, join(folder, "nan"));
    await expect(run).rejects.toSatisfy(
      (error) =>
        TuttiError.is(error) &&
        error.code === "NON_FINITE" &&
        /^step \d+: .+; records r\d+/.test(error.message),
    );
  });
});
