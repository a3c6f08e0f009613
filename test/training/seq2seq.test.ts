/** Fine-tuning an encoder-decoder: batches change nothing, the loss falls, frozen weights stay. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { initialiseParameters, loraModules } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { type Float32Tensor, zeros } from "../../src/tensor/host-tensor.ts";
import { CompiledSteps, createSeq2SeqTask, type Seq2SeqBatching } from "../../src/train/index.ts";
import { expectAllClose } from "../support/fixtures.ts";
import { expectLossFalls } from "./loss-falls.ts";
import { examples, model, prepareSeq2Seq, SEQ2SEQ_RUNS, steadyModel } from "./tiny-seq2seq.ts";

const backend = createOrtBackend({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "tutti-seq2seq-training-"));
afterAll(() => rmSync(folder, { recursive: true }));

const options = {
  seed: 1,
  epochs: 1,
  batching: { sourceTokens: [48], targetTokens: [24], rowsPerBatch: 8 },
  accumulation: 1,
  paddingId: 7,
} as const;

/** Loss and gradients of step 0, summed over its micro-batches. */
async function firstStep(batching: Seq2SeqBatching, accumulation: number) {
  const task = createSeq2SeqTask(steadyModel, examples, { ...options, batching, accumulation });
  const parameters = initialiseParameters(steadyModel.specs, 3);
  const steps = new CompiledSteps(task, backend);
  const gradients = Object.fromEntries(
    task.trainable.map((name) => [name, new Float64Array(parameters[name]!.data.length)]),
  );
  let loss = 0;
  for (const [counter, batch] of task.microBatches(0).entries()) {
    const into = Object.fromEntries(
      task.trainable.map((name) => [name, zeros("float32", parameters[name]!.shape) as Float32Tensor]),
    );
    loss += (await steps.run(batch, parameters, into, { seed: 1, counter })).loss;
    for (const name of task.trainable)
      for (const [index, value] of into[name]!.data.entries()) gradients[name]![index]! += value;
  }
  await steps.dispose();
  return { loss, gradients };
}

test("one large batch, wider padding and accumulated batches have the same loss and gradients", async () => {
  const alone = await firstStep(options.batching, 1);
  const others: [Seq2SeqBatching, number][] = [
    [{ sourceTokens: [64], targetTokens: [40], rowsPerBatch: 9 }, 1],
    [{ sourceTokens: [48], targetTokens: [24], rowsPerBatch: 3 }, 3],
  ];
  expect(alone.loss).toBeGreaterThan(1);
  for (const [batching, accumulation] of others) {
    const { loss, gradients } = await firstStep(batching, accumulation);
    expectAllClose([loss], [alone.loss], { absolute: 1e-5, relative: 0 }, "loss");
    for (const [name, gradient] of Object.entries(gradients)) {
      expectAllClose(gradient, alone.gradients[name]!, { absolute: 2e-5, relative: 1e-5 }, name);
    }
  }
});

test("batches are of one pair of sizes, the decoder reads the target shifted right", () => {
  const batching = { sourceTokens: [48, 32, 40], targetTokens: [24, 16], rowsPerBatch: 2 };
  const task = createSeq2SeqTask(model, examples, { ...options, batching });
  const byId = new Map(examples.map((example) => [example.id, example]));
  const seen: string[] = [];
  for (let step = 0; step < task.totalSteps; step++) {
    const { bucket, feeds, recordIds } = task.microBatches(step)[0]!;
    seen.push(...recordIds);
    const { source, target } = bucket as { source: number; target: number };
    for (const [row, id] of recordIds.entries()) {
      const { sourceIds, targetIds } = byId.get(id)!;
      expect(sourceIds.length).toBeLessThanOrEqual(source);
      const read = [...feeds.target_ids!.data].slice(row * target, row * target + targetIds.length);
      expect(read).toEqual([0, ...targetIds.slice(0, -1)]);
      const bias = [...feeds.source_bias!.data].slice(row * source, (row + 1) * source);
      expect(bias.filter((value) => value === 0).length).toBe(sourceIds.length);
    }
    const labels = [...feeds.target_tokens!.data].filter((token) => token >= 0);
    expect(labels).toEqual(recordIds.flatMap((id) => [...byId.get(id)!.targetIds]));
    expect(labels.at(-1)).toBe(1);
  }
  expect(seen.sort()).toEqual(examples.map(({ id }) => id).sort());
});

test("adapters leave the embedding table and relative positions alone", () => {
  const modules = loraModules(model.specs, { name: "a", rank: 1, alpha: 1, targets: "all-linear" });
  expect(modules.length).toBe(2 * (4 + 3) + 2 * (4 + 4 + 3));
  expect(modules.every((name) => /\.(q|k|v|o|wi_0|wi_1|wo)$/.test(name))).toBe(true);
});

describe.each(Object.keys(SEQ2SEQ_RUNS))("%s", (name) => {
  test("the loss falls, frozen weights stay", async () => {
    await expectLossFalls(() => prepareSeq2Seq(name, join(folder, name)), backend, 0.25);
  });
});

test("what cannot be trained on is refused or left out", () => {
  const silent = { id: "silent", sourceIds: Int32Array.of(4, 1), targetIds: new Int32Array(0) };
  expect(createSeq2SeqTask(model, [...examples, silent], options).leftOut).toEqual(["silent"]);
  const { batching } = options;
  const cases: [readonly (typeof examples)[0][], object, string, RegExp][] = [
    [[silent], {}, "DATASET_INVALID", /none of 1/],
    [
      examples,
      { batching: { ...batching, sourceTokens: [8] } },
      "INVALID_ARGUMENT",
      /source of example "Oslo"/,
    ],
    [
      examples,
      { batching: { ...batching, targetTokens: [4] } },
      "INVALID_ARGUMENT",
      /target of example "Oslo"/,
    ],
    [examples, { batching: { ...batching, targetTokens: [2.5] } }, "INVALID_ARGUMENT", /2\.5/],
    [examples, { batching: { ...batching, rowsPerBatch: 0 } }, "INVALID_ARGUMENT", /received 0/],
    [examples, { accumulation: 0 }, "INVALID_ARGUMENT", /accumulation/],
    [examples, { isTrained: () => false }, "INVALID_ARGUMENT", /isTrained/],
  ];
  for (const [given, change, code, message] of cases) {
    expect(() => createSeq2SeqTask(model, given, { ...options, ...change })).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  }
});
