import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TINY_MODERNBERT, tinyLookahead } from "../../../test/support/tiny-lookahead.ts";
import type { JudgedRecord } from "../../judged/record.ts";
import { createEncoderModel } from "../../models/index.ts";
import { initialiseParameters } from "../../nn/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { float32 } from "../../tensor/host-tensor.ts";
import { loadTokenizer } from "../../text/index.ts";
import { saveParameters } from "../../train/checkpoint.ts";
import { lookaheadDefaults } from "../defaults.ts";
import { startParameters } from "./backbone.ts";
import { loadLookahead } from "./lookahead-router.ts";
import { lookaheadSpecs } from "./model.ts";
import { type LookaheadOptions, trainLookahead } from "./train.ts";
import { scaledRoutingLoss } from "./validation.ts";

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

  /** What a training of seconds takes. */
  const small = { responseTokens: 3, maxPromptTokens: 32, batchSize: 8, validations: 2, threads: 1 };

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
        ...small,
        epochs: 10,
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
  const modernBert = join(folder, "modernbert");
  beforeAll(() => {
    mkdirSync(modernBert);
    const { tokenizerPath } = lookaheadDefaults("mlm", true);
    const vocabularySize = loadTokenizer(tokenizerPath).vocabularySize;
    const config = { ...TINY_MODERNBERT, vocab_size: vocabularySize };
    const model = createEncoderModel(config);
    const parameters = initialiseParameters(model.specs, 1);
    const bare = Object.entries(parameters).map(([name, tensor]) => [
      name.slice(model.prefix.length),
      tensor,
    ]);
    writeFileSync(join(modernBert, "config.json"), JSON.stringify(config));
    copyFileSync(tokenizerPath, join(modernBert, "tokenizer.json"));
    saveParameters(join(modernBert, "model.safetensors"), Object.fromEntries(bare), {});
  });

  test("mlm starts from the first layers of a ModernBERT folder, learns and loads as saved", async () => {
    const options = {
      ...lookaheadDefaults("mlm", true),
      ...small,
      backboneFolder: modernBert,
      backboneLayers: 2,
      epochs: 10,
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
    const tuned = {
      ...lookaheadDefaults("mlm", true),
      ...small,
      backboneFolder: modernBert,
      epochs: 1,
      validations: 1,
      tunedLayers: 1,
    };
    const out = join(folder, "tuned");
    const counts = { all: 0, trained: 0 };
    const router = await trainLookahead(
      "lookahead",
      records.slice(0, 16),
      records.slice(16, 24),
      ["adder", "coder"],
      tuned,
      out,
      {
        onStart: ({ parameterCount, trainedParameterCount }) =>
          Object.assign(counts, { all: parameterCount, trained: trainedParameterCount }),
      },
    );
    const start = startParameters(router.settings, tuned.seed, modernBert);
    const names = Object.keys(start);
    const isSame = (name: string) =>
      start[name]!.data.every((value, index) => value === router.parameters[name]!.data[index]);
    const layers = Number(router.settings.backbone.num_hidden_layers);
    const isTuned = (name: string) =>
      !/embeddings/.test(name) && !(Number(/layers\.(\d+)/.exec(name)?.[1] ?? layers) < layers - 1);
    expect(names.filter((name) => !isSame(name))).toEqual(names.filter(isTuned));
    expect(names.filter((name) => !isTuned(name)).length).toBeGreaterThan(5);
    const sizeOf = (some: string[]) => some.reduce((sum, name) => sum + start[name]!.data.length, 0);
    expect(counts).toEqual({ all: sizeOf(names), trained: sizeOf(names.filter(isTuned)) });
    const [scores] = await router.scores([{ id: "q", prompt: "sum the numbers" }]);
    expect(scores!.every(Number.isFinite)).toBe(true);
    await router.dispose();
  });

  test("a tuned run that was stopped goes on with as many layers, and with no other number", async () => {
    const tuned = {
      ...lookaheadDefaults("mlc", true),
      ...small,
      backboneFolder: modernBert,
      epochs: 2,
      tunedLayers: 1,
    };
    const train = (out: string, changes: Partial<LookaheadOptions>, signal?: AbortController) =>
      trainLookahead(
        "mlc",
        records.slice(0, 16),
        records.slice(16, 24),
        ["adder", "coder"],
        { ...tuned, ...changes },
        join(folder, out),
        {
          ...(signal && { onStep: () => signal.abort(), signal: signal.signal }),
        },
      );
    const whole = await train("tuned-whole", {});
    await expect(train("tuned-stopped", {}, new AbortController())).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    await expect(train("tuned-stopped", { tunedLayers: 2 })).rejects.toMatchObject({
      code: "CHECKPOINT_MISMATCH",
    });
    const resumed = await train("tuned-stopped", {});
    expect(resumed.parameters).toEqual(whole.parameters);
    await whole.dispose();
    await resumed.dispose();
    const { backboneFolder: _, ...scratch } = tuned;
    await expect(
      trainLookahead("mlc", records, [], ["adder", "coder"], scratch, join(folder, "tuned-scratch")),
    ).rejects.toThrow(/of a backbone that starts from scratch/);
  });

  test("rows for candidates are added to tables and biases, or taken from spare ones", () => {
    const grown = { ...tinyLookahead({ variant: "mlm" }), backbone: { ...TINY_MODERNBERT, vocab_size: 128 } };
    const source = join(folder, "grown");
    const small = lookaheadSpecs({ ...grown, backbone: TINY_MODERNBERT });
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
    const shrunk = { ...grown, backbone: { ...TINY_MODERNBERT, vocab_size: 32 } };
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
