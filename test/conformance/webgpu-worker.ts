/**
 * The conformance suite and a short training run on WebGPU, in a process of their own: a GPU driver that hangs or
 * crashes ends this process, not the tests. Prints one JSON object a line.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOrtBackend, type ExecutionProvider, findCpuFallbacks } from "../../src/runtime/index.ts";
import { train } from "../../src/train/index.ts";
import { prepareRun, type TinyRun } from "../training/tiny-fine-tuning.ts";
import { OP_CASES } from "./op-cases.ts";
import { caseGraph, hostFeeds, largestDifference, runCase } from "./run-case.ts";

const TRAINING_STEPS = 10;
/** Every weight of a two-layer Llama. */
const TRAINING: TinyRun = {
  batching: { kind: "packed", tokensPerRow: 128, rowsPerBatch: 1 },
  epochs: TRAINING_STEPS,
  accumulation: 1,
  optimizer: { kind: "adamw" },
  learningRate: 5e-3,
};
const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

async function conformance(): Promise<void> {
  const backend = createOrtBackend({ threads: 1, provider: "webgpu" });
  for (const opCase of OP_CASES) {
    try {
      const results = await runCase(backend, opCase);
      const difference = Math.max(
        ...results.map(({ received, expected }) =>
          received.shape.join() === expected.shape.join()
            ? largestDifference(received.data, expected.data)
            : Infinity,
        ),
      );
      print({ kind: "case", name: opCase.name, op: opCase.op, difference });
    } catch (error) {
      print({ kind: "case", name: opCase.name, op: opCase.op, error: String(error) });
    }
  }
}

/** ONNX operators that run on the CPU, by op: of its first case without an empty tensor. */
async function fallbacks(): Promise<void> {
  const seen = new Set<string>();
  for (const opCase of OP_CASES) {
    if (seen.has(opCase.op) || opCase.inputs.some(({ shape }) => shape.includes(0))) continue;
    seen.add(opCase.op);
    const { graph, outputs } = caseGraph(opCase);
    const counts = await findCpuFallbacks(graph, outputs, hostFeeds(opCase), "webgpu");
    print({ kind: "fallbacks", op: opCase.op, onnx: Object.keys(counts) });
  }
}

async function trainingLosses(provider: ExecutionProvider): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), "tutti-webgpu-"));
  const { task, parameters, settings } = prepareRun("webgpu", TRAINING, folder);
  const losses: number[] = [];
  try {
    await train(
      task,
      parameters,
      { ...settings, totalSteps: TRAINING_STEPS },
      { backend: createOrtBackend({ threads: 1, provider }), onStep: ({ loss }) => losses.push(loss) },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
  return losses;
}

await conformance();
await fallbacks();
print({ kind: "training", cpu: await trainingLosses("cpu"), webgpu: await trainingLosses("webgpu") });
