/**
 * Tutti's side of the train-step benchmarks: the same compiled step, clipping and AdamW that training uses.
 *
 *   tutti-train-step.ts SHAPE [--recompute attention|layer] [--threads N]
 */
import { parseArgs } from "node:util";
import type { RegionKind } from "../../src/graph/ir.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { answerRounds } from "./answer-rounds.ts";
import { OptimizerSteps } from "./optimizer-steps.ts";
import { trainStepTask } from "./train-step-shapes.ts";

const WARMUP_STEPS = 2;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { recompute: { type: "string" }, threads: { type: "string", default: "2" } },
});
const task = trainStepTask(positionals[0] ?? "", values.recompute ? [values.recompute as RegionKind] : []);
const steps = new OptimizerSteps(task, initialiseParameters(task.specs, 0), Number(values.threads));

for (let warmup = 0; warmup < WARMUP_STEPS; warmup++) await steps.run(0);
await answerRounds({}, async () => {
  const startedAt = performance.now();
  await steps.run(0);
  return (performance.now() - startedAt) / 1000;
});
