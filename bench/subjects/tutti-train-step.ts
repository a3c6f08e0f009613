/**
 * Tutti's side of the train-step benchmarks: the same compiled step, clipping and AdamW that training uses.
 *
 *   tutti-train-step.ts SHAPE [--recompute attention|layer] [--frozen-storage float16] [--threads N]
 */
import { parseArgs } from "node:util";
import type { RegionKind } from "../../src/graph/ir.ts";
import {
  type HalfParameters,
  initialiseParameters,
  narrowParameters,
  type Parameters,
} from "../../src/nn/index.ts";
import { answerRounds } from "./answer-rounds.ts";
import { OptimizerSteps } from "./optimizer-steps.ts";
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
const steps = new OptimizerSteps({ ...shape, half }, parameters, Number(values.threads));

/** One tensor at a time, so that no more than one is there in both precisions. */
function initialise(): { parameters: Parameters; half: HalfParameters } {
  const isHalf = (name: string): boolean =>
    values["frozen-storage"] === "float16" && !names.includes(name) && name.endsWith("_proj.weight");
  let made: { parameters: Parameters; half: HalfParameters } = { parameters: {}, half: {} };
  for (const [name, spec] of Object.entries(shape.specs)) {
    const one = narrowParameters(initialiseParameters({ [name]: spec }, 0), isHalf(name) ? [name] : []);
    made = {
      parameters: { ...made.parameters, ...one.parameters },
      half: { ...made.half, ...one.half },
    };
  }
  return made;
}

for (let warmup = 0; warmup < WARMUP_STEPS; warmup++) await steps.run(0);
await answerRounds({}, async () => {
  const startedAt = performance.now();
  await steps.run(0);
  return (performance.now() - startedAt) / 1000;
});
