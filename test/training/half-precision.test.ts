/** Frozen matrices stored in half precision: what the graph computes is what rounding on the host would give. */
import { expect, test } from "vitest";
import {
  initialiseLora,
  initialiseParameters,
  type LoraConfig,
  narrowParameters,
  type Parameters,
  widenParameters,
} from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { type Float32Tensor, float32, zeros } from "../../src/tensor/host-tensor.ts";
import {
  CompiledSteps,
  createCausalLanguageModelTask,
  type FineTuningOptions,
  narrowFrozenMatrices,
} from "../../src/train/index.ts";
import { examples, model } from "./tiny-fine-tuning.ts";

const backend = createOrtBackend({ threads: 1 });
const OPTIONS: FineTuningOptions = {
  seed: 1,
  epochs: 1,
  batching: { kind: "packed", tokensPerRow: 160, rowsPerBatch: 2 },
  accumulation: 1,
  paddingId: 0,
};
const LORA: LoraConfig = { name: "a", rank: 4, alpha: 8, dropout: 0.1, targets: "all-linear" };

async function firstStep(options: FineTuningOptions, parameters: Parameters) {
  const task = createCausalLanguageModelTask(model, examples, options);
  const steps = new CompiledSteps(task, backend);
  const gradients = Object.fromEntries(
    task.trainable.map((name) => [name, zeros("float32", parameters[name]!.shape) as Float32Tensor]),
  );
  const { loss } = await steps.run(task.microBatches(0)[0]!, parameters, gradients, { seed: 1, counter: 0 });
  await steps.dispose();
  return { loss, gradients };
}

const base = initialiseParameters(model.specs, 3);
const narrowed = narrowFrozenMatrices(model, base);

test("matrices of layers are narrowed, embeddings and vectors are not", () => {
  const names = Object.keys(model.specs);
  expect(Object.keys(narrowed.half)).toEqual(names.filter((name) => name.endsWith("_proj.weight")));
  expect(Object.keys(narrowed.parameters)).toEqual(names.filter((name) => !name.endsWith("_proj.weight")));
  // Uniform rounding errors within half a step of 2^-11 of a number's power of two.
  expect(narrowed.relativeError).toBeGreaterThan(1e-4);
  expect(narrowed.relativeError).toBeLessThan(2 ** -12);
});

test.each([
  ["LoRA", { adapter: LORA }],
  ["DoRA", { adapter: { ...LORA, usesDora: true } }],
  ["LoRA, attention made again", { adapter: LORA, recompute: ["attention"] }],
  ["LoRA, layers made again", { adapter: LORA, recompute: ["layer"] }],
] as const)(
  "%s: loss and gradients equal those over weights rounded on the host, bit for bit",
  async (_name, change) => {
    const options = { ...OPTIONS, ...change };
    const own = initialiseLora(base, model.specs, change.adapter, 4);
    // B starts at zero, which would hide gradients of A.
    for (const [name, { data }] of Object.entries(own)) {
      if (name.includes("lora_B")) data.set(data.map((_, index) => Math.sin(index) / 10));
    }
    const half = await firstStep({ ...options, half: narrowed.half }, { ...narrowed.parameters, ...own });
    const rounded = { ...base, ...widenParameters(narrowed.half), ...own };
    expect(half).toEqual(await firstStep(options, rounded));
    const exact = await firstStep(options, { ...base, ...own });
    expect(half.loss).not.toBe(exact.loss);
    expect(Math.abs(half.loss - exact.loss) / exact.loss).toBeLessThan(1e-3);
  },
);

test("trained layers below frozen half-precision ones get their gradients through them", async () => {
  const isTrained = (name: string): boolean => name.startsWith("model.layers.0.");
  const { parameters, half } = narrowFrozenMatrices(model, base, isTrained);
  expect(Object.keys(half).every((name) => name.startsWith("model.layers.1."))).toBe(true);
  const options = { ...OPTIONS, isTrained };
  expect(await firstStep({ ...options, half }, parameters)).toEqual(
    await firstStep(options, { ...base, ...widenParameters(half) }),
  );
});

test("what float16 cannot hold stays in float32", () => {
  const parameters = {
    fits: float32([2], [65_504, -1]),
    large: float32([2], [65_505, 1]),
    nan: float32([1], [Number.NaN]),
  };
  const { parameters: kept, half, relativeError } = narrowParameters(parameters, Object.keys(parameters));
  expect([Object.keys(kept), Object.keys(half), relativeError]).toEqual([["large", "nan"], ["fits"], 0]);
  expect(widenParameters(half).fits).toEqual(parameters.fits);
});
