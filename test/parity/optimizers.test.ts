/** Every optimiser against ten recorded steps, its exact resume, and the wsd schedule. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  createOptimizer,
  learningRateMultiplier,
  type Optimizer,
  type OptimizerSettings,
  type WarmupStableDecaySchedule,
} from "../../src/optim/index.ts";
import type { Tensors } from "../../src/optim/optimizer.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { float32 } from "../../src/tensor/host-tensor.ts";
import { loadCheckpoint, saveCheckpoint } from "../../src/train/index.ts";
import { createOrthogonalizer } from "../../src/train/orthogonalizer.ts";
import { expectAllClose, Fixture, fixtureJson } from "../support/fixtures.ts";

interface Case {
  readonly optimizer: OptimizerSettings;
  readonly groups: readonly { parameters: string[]; learningRate: number; weightDecay: number }[];
  readonly multipliers: readonly number[];
}

const fixture = new Fixture("optim/optimizers.safetensors");
const { cases } = fixtureJson<{ cases: Record<string, Case> }>("optim/optimizers.json");
const names = fixture.names("param.");
const folder = mkdtempSync(join(tmpdir(), "tutti-optimizers-"));
const orthogonalizer = createOrthogonalizer(createOrtBackend({ threads: 1 }));
afterAll(async () => {
  await orthogonalizer.dispose();
  rmSync(folder, { recursive: true });
});

const startParameters = (): Tensors =>
  Object.fromEntries(names.map((name) => [name, fixture.float(`param.${name}`)]));

const gradientsAt = (step: number, scale = 1): Tensors =>
  Object.fromEntries(
    names.map((name) => {
      const { shape, data } = fixture.float(`grad.${name}`);
      const size = data.length / shape[0]!;
      const part = data.slice(step * size, (step + 1) * size).map((value) => value * scale);
      return [name, float32(shape.slice(1), part)];
    }),
  );

function create({ optimizer, groups }: Case, parameters: Tensors): Optimizer {
  const optimizerGroups = groups.map(({ parameters: grouped, ...rest }) => ({ names: grouped, ...rest }));
  return createOptimizer(optimizer, optimizerGroups, parameters, orthogonalizer.run);
}

const RESUMED: Readonly<Record<string, Case>> = {
  ...cases,
  adamw: { ...cases.lion!, optimizer: { kind: "adamw" } },
};

describe.each(Object.keys(cases))("%s", (name) => {
  const settings = cases[name]!;
  const tolerance =
    name === "muon-bfloat16" ? { absolute: 0.02, relative: 0 } : { absolute: 2e-6, relative: 5e-6 };

  test("ten recorded steps", async () => {
    const parameters = startParameters();
    const optimizer = create(settings, parameters);
    for (const [step, multiplier] of settings.multipliers.entries()) {
      await optimizer.step(parameters, gradientsAt(step), { gradientScale: 1, multiplier });
      for (const parameter of names) {
        const { data } = parameters[parameter]!;
        const expected = fixture
          .values(`${name}.after.${parameter}`)
          .slice(step * data.length, (step + 1) * data.length);
        expectAllClose(data, expected, tolerance, `${parameter} after step ${step}`);
      }
    }
    expect(optimizer.steps).toBe(settings.multipliers.length);
  });

  test("the gradient scale multiplies gradients and nothing else", async () => {
    const [scaled, plain] = [startParameters(), startParameters()];
    const [first, second] = [create(settings, scaled), create(settings, plain)];
    for (let step = 0; step < 3; step++) {
      await first.step(scaled, gradientsAt(step, 4), { gradientScale: 0.25, multiplier: 1 });
      await second.step(plain, gradientsAt(step), { gradientScale: 1, multiplier: 1 });
    }
    expect(scaled).toEqual(plain);
  });
});

test.each(Object.keys(RESUMED))("%s resumes bit for bit from a checkpoint", async (name) => {
  const settings = RESUMED[name]!;
  const path = join(folder, `${name}.safetensors`);
  const undisturbed = startParameters();
  const whole = create(settings, undisturbed);
  const advance = (optimizer: Optimizer, parameters: Tensors, step: number): Promise<void> =>
    optimizer.step(parameters, gradientsAt(step), { gradientScale: 1, multiplier: 1 });
  for (let step = 0; step < 10; step++) {
    await advance(whole, undisturbed, step);
    if (step === 4) {
      saveCheckpoint(
        path,
        { parameters: undisturbed, optimizer: whole, step: 5, best: undefined },
        "fingerprint",
      );
    }
  }
  const parameters = startParameters();
  const optimizer = create(settings, parameters);
  const state = { parameters, optimizer, step: 0, best: undefined };
  expect(loadCheckpoint(path, state, "fingerprint")).toBe(true);
  expect(state.step).toBe(5);
  for (let step = 5; step < 10; step++) await advance(optimizer, parameters, step);
  expect(parameters).toEqual(undisturbed);
  expect(optimizer.state).toEqual(whole.state);
});

test("a checkpoint of another optimiser is refused", () => {
  const path = join(folder, "other.safetensors");
  const parameters = startParameters();
  const state = (name: string) => ({
    parameters,
    optimizer: create(cases[name]!, parameters),
    step: 0,
    best: undefined,
  });
  saveCheckpoint(path, state("lion"), "fingerprint");
  for (const other of Object.keys(cases).filter((name) => !name.startsWith("lion"))) {
    const target = state(other);
    expect(() => loadCheckpoint(path, target, "fingerprint"), other).toThrow(
      expect.objectContaining({
        code: "CHECKPOINT_MISMATCH",
        message: expect.stringContaining(`under the optimiser lion, this run uses ${target.optimizer.kind}`),
      }),
    );
  }
});

test.each([
  ["an unknown kind", { kind: "adm" }, /must be one of/],
  ["a momentum of 1", { kind: "sgd", momentum: 1 }, /momentum/],
  ["Nesterov without momentum", { kind: "sgd", isNesterov: true }, /momentum/],
  ["a beta above 1", { kind: "lion", beta1: 1.5 }, /beta1/],
  ["a rising decay", { kind: "adafactor", beta2Decay: 0.5 }, /beta2Decay/],
  ["a block of nothing", { kind: "adamw-8bit", blockSize: 0 }, /blockSize/],
  ["a vector for Muon", { kind: "muon", matrixNames: ["bias"] }, /matrixNames has "bias"/],
])("%s is refused", (_, optimizer, message) => {
  const settings = { ...cases.lion!, optimizer: optimizer as OptimizerSettings };
  expect(() => create(settings, startParameters())).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) }),
  );
});

test("8-bit moments follow float32 ones, in a quarter of the memory", async () => {
  const size = 8192;
  const groups = [{ names: ["w"], learningRate: 1e-3, weightDecay: 0 }];
  const random = (seed: number): Float32Array =>
    Float32Array.from({ length: size }, (_, index) => Math.sin(index * 12.9898 + seed * 78.233));
  const run = async (kind: "adamw" | "adamw-8bit") => {
    const parameters = { w: float32([size], new Float32Array(size)) };
    const optimizer = createOptimizer({ kind }, groups, parameters, orthogonalizer.run);
    for (let step = 0; step < 20; step++) {
      const gradients = { w: float32([size], random(step % 3)) };
      await optimizer.step(parameters, gradients, { gradientScale: 1, multiplier: 1 });
    }
    const bytes = Object.values(optimizer.state).reduce((sum, { data }) => sum + data.byteLength, 0);
    return { data: parameters.w.data, bytes };
  };
  const [exact, quantized] = [await run("adamw"), await run("adamw-8bit")];
  const distance = Math.hypot(...exact.data.map((value, index) => value - quantized.data[index]!));
  expect(distance / Math.hypot(...exact.data)).toBeLessThan(0.05);
  expect(quantized.bytes).toBeLessThan(exact.bytes * 0.26);
});

describe("warm-up, stable, decay", () => {
  const { cases: schedules } = fixtureJson<{
    cases: (WarmupStableDecaySchedule & { multipliers: number[] })[];
  }>("optim/wsd.json");
  test.each(schedules)(
    "$decayShape, $warmupSteps + $decaySteps of $totalSteps to $minimumFactor",
    ({ multipliers, ...schedule }) => {
      const received = multipliers.map((_, step) => learningRateMultiplier(schedule, step));
      expectAllClose(received, multipliers, { absolute: 1e-12, relative: 0 }, "wsd");
    },
  );

  test("parts longer than the whole are refused", () => {
    const schedule = { kind: "wsd", warmupSteps: 5, decaySteps: 6, totalSteps: 10 } as const;
    expect(() => learningRateMultiplier(schedule, 0)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});
