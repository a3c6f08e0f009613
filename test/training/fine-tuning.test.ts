/** Fine-tuning a causal language model: packing changes nothing, the loss falls, frozen weights stay. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { initialiseParameters } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { type Float32Tensor, zeros } from "../../src/tensor/host-tensor.ts";
import { type Batching, CompiledSteps, createCausalLanguageModelTask, train } from "../../src/train/index.ts";
import { countTargets } from "../../src/train/sequence-rows.ts";
import { expectAllClose } from "../support/fixtures.ts";
import { expectLossFalls } from "./loss-falls.ts";
import { examples, model, prepare, RUNS } from "./tiny-fine-tuning.ts";

const backend = createOrtBackend({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "tutti-fine-tuning-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Loss and gradients of step 0, summed over its micro-batches. */
async function firstStep(batching: Batching, accumulation: number) {
  const task = createCausalLanguageModelTask(model, examples, {
    seed: 1,
    epochs: 1,
    batching,
    accumulation,
    paddingId: 7,
  });
  const parameters = initialiseParameters(model.specs, 3);
  const steps = new CompiledSteps(task, backend);
  const gradients = Object.fromEntries(
    task.trainable.map((name) => [name, new Float64Array(parameters[name]!.data.length)]),
  );
  let loss = 0;
  const batches = task.microBatches(0);
  for (const [counter, batch] of batches.entries()) {
    const into = Object.fromEntries(
      task.trainable.map((name) => [name, zeros("float32", parameters[name]!.shape) as Float32Tensor]),
    );
    loss += (await steps.run(batch, parameters, into, { seed: 1, counter })).loss;
    for (const name of task.trainable)
      for (const [index, value] of into[name]!.data.entries()) gradients[name]![index]! += value;
  }
  await steps.dispose();
  return { loss, gradients, rows: batches.reduce((sum, { bucket }) => sum + bucket.batch!, 0) };
}

test("packed rows, padded rows and accumulated micro-batches have the same loss and gradients", async () => {
  const alone = await firstStep({ kind: "length-buckets", bucketTokens: [128], rowsPerBatch: 8 }, 1);
  const others: [Batching, number][] = [
    [{ kind: "packed", tokensPerRow: 256, rowsPerBatch: 8 }, 1],
    [{ kind: "packed", tokensPerRow: 200, rowsPerBatch: 8 }, 1],
    [{ kind: "length-buckets", bucketTokens: [128], rowsPerBatch: 2 }, 4],
  ];
  expect(alone.loss).toBeGreaterThan(1);
  for (const [batching, accumulation] of others) {
    const { loss, gradients } = await firstStep(batching, accumulation);
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
  const cases: [readonly (typeof examples)[0][], object, string][] = [
    [[silent], {}, "DATASET_INVALID"],
    [examples, { batching: { ...options.batching, tokensPerRow: 512 } }, "INVALID_ARGUMENT"],
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
