/**
 * Tutti's side of train-step-trainer: fine-tuning SmolLM2-135M-Instruct on conversations of natural lengths, loss on the
 * responses. A round trains on a few batches that stand for an epoch; its time is for 1,000 tokens without padding.
 *
 *   tutti-trainer.ts buckets|packed [--multiple 64] [--threads N]
 */
import { parseArgs } from "node:util";
import { adoptCausalParameters, createCausalModel } from "../../src/models/index.ts";
import { float32 } from "../../src/tensor/host-tensor.ts";
import { type Batching, createCausalLanguageModelTask, planBatches } from "../../src/train/index.ts";
import { openGgufModel } from "../../src/weights/index.ts";
import { missing, modelPath } from "../decode-work.ts";
import { answerRounds } from "./answer-rounds.ts";
import { OptimizerSteps } from "./optimizer-steps.ts";
import { spreadBySize } from "./sample.ts";
import { MAX_TOKENS, readTrainerData } from "./trainer-data.ts";

const STEPS_PER_ROUND = 6;
const SEQUENCES_PER_BATCH = 4;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { multiple: { type: "string", default: "64" }, threads: { type: "string", default: "2" } },
});
const multiple = Number(values.multiple);
const BATCHING: Readonly<Record<string, Batching>> = {
  buckets: {
    kind: "length-buckets",
    bucketTokens: Array.from(
      { length: Math.ceil(MAX_TOKENS / multiple) },
      (_, index) => (index + 1) * multiple,
    ),
    rowsPerBatch: SEQUENCES_PER_BATCH,
  },
  // About as many tokens a step as four sequences have.
  packed: { kind: "packed", tokensPerRow: 1024, rowsPerBatch: 2 },
};
const batching = BATCHING[positionals[0] ?? ""];
if (!batching) missing(`the first argument is one of ${Object.keys(BATCHING).join(", ")}`);
const examples = readTrainerData() ?? missing("no texts yet: npx tsx bench/subjects/trainer-data.ts");

const path = modelPath();
const file = openGgufModel(path);
const model = createCausalModel(file.config);
const stored = [...file.entries].map(
  ([name, { shape }]) => [name, float32(shape, file.read(name).data)] as const,
);
const parameters = adoptCausalParameters(model, Object.fromEntries(stored), path);
file.close();

const task = createCausalLanguageModelTask(model, examples, {
  seed: 0,
  epochs: 1,
  batching,
  accumulation: 1,
  paddingId: 0,
});
const plans = planBatches(
  examples.map(({ ids }) => ids.length),
  batching,
  0,
);
const batches = Array.from({ length: plans.batchesPerEpoch }, (_, number) => {
  const { tokens, rows } = plans.batch(number);
  const real = rows.flat().reduce((sum, index) => sum + examples[index]!.ids.length, 0);
  return { real, padded: plans.rowsPerBatch * tokens };
});
const chosen = spreadBySize(
  batches.map(({ real }) => real),
  STEPS_PER_ROUND,
);
const total = (of: readonly number[], what: "real" | "padded"): number =>
  of.reduce((sum, number) => sum + batches[number]![what], 0);
const paddingOf = (of: readonly number[]): number => 1 - total(of, "real") / total(of, "padded");
const epoch = [...batches.keys()];
const shapesOfEpoch = new Set(epoch.map((step) => JSON.stringify(task.microBatches(step)[0]!.bucket))).size;

const steps = new OptimizerSteps(task, parameters, Number(values.threads));
const losses: number[] = [];
/** Seconds for 1,000 tokens that are no padding. */
async function pass(): Promise<number> {
  const startedAt = performance.now();
  for (const step of chosen) losses.push(await steps.run(step));
  return (performance.now() - startedAt) / total(chosen, "real");
}

const cold = await pass();
const secondsPerShape = steps.compileSeconds / steps.compiledCount;
await answerRounds(
  {
    "padding of an epoch": paddingOf(epoch),
    "padding of a round": paddingOf(chosen),
    "tokens a round": total(chosen, "real"),
    "first pass": cold,
    "shapes of a round": steps.compiledCount,
    "shapes of an epoch": shapesOfEpoch,
    "seconds to compile a shape": secondsPerShape,
    "compilation in a first epoch": (1000 * secondsPerShape * shapesOfEpoch) / total(epoch, "real"),
    "mean loss of the first pass": losses.reduce((a, b) => a + b) / losses.length,
  },
  pass,
);
