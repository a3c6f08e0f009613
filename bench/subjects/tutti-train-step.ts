/**
 * Tutti's side of the train-step benchmarks: the same compiled step, clipping and AdamW that training uses.
 *
 *   tutti-train-step.ts SHAPE [--recompute attention|layer] [--frozen-storage float16] [--threads N]
 */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { RegionKind } from "../../src/graph/ir.ts";
import {
  type HalfParameters,
  initialiseParameters,
  narrowParameters,
  type Parameters,
} from "../../src/nn/index.ts";
import { adamWStep, clipFactor, createAdamWState, globalNorm } from "../../src/optim/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { type Float32Tensor, zeros } from "../../src/tensor/host-tensor.ts";
import { CompiledSteps } from "../../src/train/index.ts";
import { trainStepTask } from "./train-step-shapes.ts";

const WARMUP_STEPS = 2;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    recompute: { type: "string" },
    "frozen-storage": { type: "string", default: "float32" },
    threads: { type: "string", default: "2" },
  },
});
const shape = trainStepTask(positionals[0] ?? "", values.recompute ? [values.recompute as RegionKind] : []);
const names = shape.trainable ?? Object.keys(shape.specs);
const { parameters, half } = initialise();
const task = { ...shape, half };

/** One tensor at a time, so that no more than one is there in both precisions. */
function initialise(): { parameters: Parameters; half: HalfParameters } {
  const isHalf = (name: string): boolean =>
    values["frozen-storage"] === "float16" && !names.includes(name) && name.endsWith("_proj.weight");
  let parameters: Parameters = {};
  let half: HalfParameters = {};
  for (const [name, spec] of Object.entries(shape.specs)) {
    const made = narrowParameters(initialiseParameters({ [name]: spec }, 0), isHalf(name) ? [name] : []);
    parameters = { ...parameters, ...made.parameters };
    half = { ...half, ...made.half };
  }
  return { parameters, half };
}

const data = (tensors: Readonly<Record<string, Float32Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.data]));
const gradients = Object.fromEntries(
  names.map((name) => [name, zeros("float32", parameters[name]!.shape) as Float32Tensor]),
);
const groups = [
  { names: names.filter((name) => task.specs[name]!.decays), learningRate: 1e-4, weightDecay: 0.01 },
  { names: names.filter((name) => !task.specs[name]!.decays), learningRate: 1e-4, weightDecay: 0 },
];
const [parameterData, gradientData] = [data(parameters), data(gradients)];
const state = createAdamWState(groups, parameterData);
const steps = new CompiledSteps(task, createOrtBackend({ threads: Number(values.threads) }));

async function step(): Promise<void> {
  const [batch] = task.microBatches(0);
  await steps.run(batch!, parameters, gradients, { seed: 0, counter: 0 });
  const norm = await globalNorm(Object.values(gradientData));
  await adamWStep(groups, parameterData, gradientData, state, {
    gradientScale: clipFactor(norm, 1),
    multiplier: 1,
  });
}

for (let warmup = 0; warmup < WARMUP_STEPS; warmup++) await step();
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "round") continue;
  const startedAt = performance.now();
  await step();
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(
    `${JSON.stringify({ seconds, peakRssBytes: process.resourceUsage().maxRSS * 1024 })}\n`,
  );
}
