/** Several shapes in one run: the same numbers as each alone, and at most one executable that keeps its memory. */
import { expect, test } from "vitest";
import * as ops from "../../src/graph/functions.ts";
import type { Parameters } from "../../src/nn/index.ts";
import { type Backend, createOrtBackend } from "../../src/runtime/index.ts";
import { float32, zeros } from "../../src/tensor/host-tensor.ts";
import { CompiledSteps, type MicroBatch, type TrainingTask } from "../../src/train/index.ts";

const WIDTH = 3;
const TASK: TrainingTask = {
  specs: { w: { shape: [WIDTH, WIDTH], initial: { constant: 0 }, decays: true } },
  build: (graph, parameters, { rows = 0 }) => {
    const y = ops.tanh(ops.matmul(graph.input("x", "float32", [rows, WIDTH]), parameters("w")));
    return { loss: ops.sumAll(ops.mul(y, y)), metrics: {} };
  },
  microBatches: (step) => [batch(step + 1)],
};

function batch(rows: number): MicroBatch {
  const x = Float32Array.from({ length: rows * WIDTH }, (_, index) => Math.sin(index + rows));
  return { bucket: { rows }, feeds: { x: float32([rows, WIDTH], x) }, recordIds: [] };
}

const parameters: Parameters = {
  w: float32(
    [WIDTH, WIDTH],
    Float32Array.from({ length: WIDTH * WIDTH }, (_, index) => Math.cos(index)),
  ),
};

async function gradientOf(steps: CompiledSteps, rows: number): Promise<number[]> {
  const into = { w: zeros("float32", [WIDTH, WIDTH]) };
  const { loss } = await steps.run(batch(rows), parameters, into, { seed: 0, counter: 0 });
  return [loss, ...into.w.data];
}

test("gradients do not depend on the shapes that came before", async () => {
  const compiled: { keepsMemory: boolean; isDisposed: boolean }[] = [];
  const ort = createOrtBackend({ threads: 1 });
  const watched: Backend = {
    name: "watched",
    compile: async (graph, outputs, options) => {
      const executable = await ort.compile(graph, outputs, options);
      const record = { keepsMemory: options?.keepsMemory ?? true, isDisposed: false };
      compiled.push(record);
      const dispose = async (): Promise<void> => {
        record.isDisposed = true;
        await executable.dispose();
      };
      return { run: (feeds, into) => executable.run(feeds, into), dispose };
    },
  };
  const steps = new CompiledSteps(TASK, watched);
  const received: number[][] = [];
  const order = [2, 2, 5, 2, 1, 5, 1];
  for (const rows of order) received.push(await gradientOf(steps, rows));
  expect(steps.count).toBe(3);
  expect(steps.compileSeconds).toBeGreaterThan(0);
  expect(compiled).toEqual([
    { keepsMemory: true, isDisposed: true },
    { keepsMemory: false, isDisposed: false },
    { keepsMemory: false, isDisposed: false },
    { keepsMemory: false, isDisposed: false },
  ]);
  await steps.dispose();
  expect(compiled.every(({ isDisposed }) => isDisposed)).toBe(true);
  for (const [index, rows] of order.entries()) {
    const alone = new CompiledSteps(TASK, ort);
    expect(received[index]).toEqual(await gradientOf(alone, rows));
    await alone.dispose();
  }
});
