/** Fine-tuning a causal language model: packing changes nothing, the loss falls, frozen weights stay. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { initialiseParameters } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { type Batching, createCausalLanguageModelTask, train } from "../../src/train/index.ts";
import { countTargets } from "../../src/train/sequence-rows.ts";
import { firstStep } from "../support/first-step.ts";
import { expectAllClose } from "../support/fixtures.ts";
import { expectLossFalls } from "./loss-falls.ts";
import { examples, model, prepare, RUNS } from "./tiny-fine-tuning.ts";

const backend = createOrtBackend({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "tutti-fine-tuning-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function stepOf(batching: Batching, accumulation: number) {
  const task = createCausalLanguageModelTask(model, examples, {
    seed: 1,
    epochs: 1,
    batching,
    accumulation,
    paddingId: 7,
  });
  return await firstStep(task, initialiseParameters(model.specs, 3), backend);
}

test("packed rows, padded rows and accumulated micro-batches have the same loss and gradients", async () => {
  const alone = await stepOf({ kind: "length-buckets", bucketTokens: [128], rowsPerBatch: 8 }, 1);
  const others: [Batching, number][] = [
    [{ kind: "packed", tokensPerRow: 256, rowsPerBatch: 8 }, 1],
    [{ kind: "packed", tokensPerRow: 200, rowsPerBatch: 8 }, 1],
    [{ kind: "length-buckets", bucketTokens: [128], rowsPerBatch: 2 }, 4],
  ];
  expect(alone.loss).toBeGreaterThan(1);
  for (const [batching, accumulation] of others) {
    const { loss, gradients } = await stepOf(batching, accumulation);
    expectAllClose([loss], [alone.loss], { absolute: 1e-5, relative: 0 }, "loss");
    for (const [name, gradient] of Object.entries(gradients)) {
      expectAllClose(gradient, alone.gradients[name]!, { absolute: 1e-5, relative: 1e-5 }, name);
    }
  }
});

describe.each(Object.keys(RUNS))("%s", (name) => {
  test("the loss falls, frozen weights stay", async () => {
    await expectLossFalls(() => prepare(name, join(folder, name)), backend, 0.4);
  });

  test("other frozen weights are refused", async () => {
    if (!RUNS[name]!.adapter) return;
    const { task, parameters, settings } = prepare(name, join(folder, name));
    parameters["model.norm.weight"]!.data[0]! += 1e-3;
    await expect(train(task, parameters, settings, { backend })).rejects.toMatchObject({
      code: "CHECKPOINT_MISMATCH",
      message: expect.stringContaining("frozen"),
    });
  });
});

test("the loss is on the assistant's tokens", () => {
  const task = createCausalLanguageModelTask(model, examples, {
    seed: 1,
    epochs: 1,
    batching: { kind: "packed", tokensPerRow: 256, rowsPerBatch: 8 },
    accumulation: 1,
    paddingId: 0,
  });
  const [{ feeds }] = task.microBatches(0) as [ReturnType<typeof task.microBatches>[0]];
  const [ids, positions, tokens] = [feeds.input_ids!, feeds.target_positions!, feeds.target_tokens!];
  const labelled = [...tokens.data].filter((token) => token >= 0);
  expect(labelled.length).toBe(examples.reduce((sum, example) => sum + countTargets(example), 0));
  for (const [index, token] of labelled.entries()) expect(ids.data[positions.data[index]! + 1]).toBe(token);
  expect(feeds.target_scale!.data[0]).toBeCloseTo(1 / labelled.length, 7);
});

test("what cannot be trained on is refused or left out", () => {
  const options = {
    seed: 1,
    epochs: 1,
    batching: { kind: "packed", tokensPerRow: 128, rowsPerBatch: 1 },
    accumulation: 1,
    paddingId: 0,
  } as const;
  const silent = { id: "silent", ids: Int32Array.of(1, 2), isTarget: Uint8Array.of(1, 0) };
  expect(createCausalLanguageModelTask(model, [...examples, silent], options).leftOut).toEqual(["silent"]);
  // More tokens than the model has positions.
  const long = { id: "long", ids: new Int32Array(512), isTarget: new Uint8Array(512).fill(1) };
  const cases: [readonly (typeof examples)[0][], object, string][] = [
    [[silent], {}, "DATASET_INVALID"],
    [[long], { batching: { ...options.batching, tokensPerRow: 512 } }, "INVALID_ARGUMENT"],
    [examples, { batching: { ...options.batching, tokensPerRow: 16 } }, "INVALID_ARGUMENT"],
    [examples, { accumulation: 0 }, "INVALID_ARGUMENT"],
    [examples, { isTrained: () => false }, "INVALID_ARGUMENT"],
  ];
  for (const [given, change, code] of cases) {
    expect(() => createCausalLanguageModelTask(model, given, { ...options, ...change })).toThrow(
      expect.objectContaining({ code }),
    );
  }
});

test("groups and trainable names are checked", async () => {
  const { task, parameters, settings } = prepare("lora-8bit", join(folder, "groups"));
  const frozenInGroup = { ...settings, groups: [{ ...settings.groups[0]!, names: ["model.norm.weight"] }] };
  await expect(train(task, parameters, frozenInGroup, { backend })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  const misspelt = { ...task, trainable: ["model.nrom.weight"] };
  await expect(train(misspelt, parameters, settings, { backend })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    hint: expect.stringContaining("model.norm.weight"),
  });
});

test("NEFTune's noise is bounded by the length of each sequence, absent at padding, and a function of the step", async () => {
  const alpha = 5;
  const task = (neftune?: { alpha: number }) =>
    createCausalLanguageModelTask(model, examples, {
      seed: 1,
      epochs: 2,
      batching: { kind: "length-buckets", bucketTokens: [128], rowsPerBatch: 8 },
      accumulation: 1,
      paddingId: 7,
      ...(neftune && { neftune }),
    });
  const noiseOf = (step: number) => task({ alpha }).microBatches(step)[0]!.feeds.embedding_noise!;
  const noise = noiseOf(0);
  expect(noise.shape).toEqual([8, 128, 32]);
  expect(noiseOf(0).data).toEqual(noise.data);
  expect(noiseOf(1).data).not.toEqual(noise.data);
  const { recordIds } = task({ alpha }).microBatches(0)[0]!;
  for (const [row, id] of recordIds.entries()) {
    const { length } = examples.find((example) => example.id === id)!.ids;
    const own = Float32Array.from(noise.data as Float32Array).subarray(row * 128 * 32, (row + 1) * 128 * 32);
    const bound = alpha / Math.sqrt(length * 32);
    const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(bound * 1.000001);
    expect(largest).toBeGreaterThan(0.95 * bound);
    const mean = own.reduce((sum, value) => sum + value, 0) / (length * 32);
    expect(Math.abs(mean)).toBeLessThan(0.1 * bound);
    expect(own.subarray(length * 32).every((value) => value === 0)).toBe(true);
  }
  const parameters = initialiseParameters(model.specs, 3);
  const [plain, noisy] = [
    await firstStep(task(), parameters, backend),
    await firstStep(task({ alpha }), parameters, backend),
  ];
  expect(noisy.loss).not.toBe(plain.loss);
  expect(noisy.loss).toBeCloseTo(plain.loss, 0);
});
