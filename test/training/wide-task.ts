/** A training task whose steps are long: products of wide matrices. */
import * as ops from "../../src/graph/functions.ts";
import { initialiseParameters, matrix } from "../../src/nn/index.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { type TrainingTask, train } from "../../src/train/index.ts";

const WIDTH = 768;
const STEPS = 3;

const task: TrainingTask = {
  specs: { weight: matrix(WIDTH, WIDTH, 0.02) },
  build: (_graph, parameters) => {
    const weight = parameters("weight");
    let product = weight;
    for (let power = 0; power < 4; power++) product = ops.matmul(product, weight);
    return { loss: ops.sumAll(ops.mul(product, product)), metrics: {} };
  },
  microBatches: () => [{ bucket: {}, feeds: {}, recordIds: [] }],
};

/** @returns the longest step in seconds, and the loss of each */
export async function trainWide(outputFolder: string): Promise<{ longestSeconds: number; losses: number[] }> {
  const losses: number[] = [];
  let longestSeconds = 0;
  await train(
    task,
    initialiseParameters(task.specs, 1),
    {
      seed: 1,
      totalSteps: STEPS,
      groups: [{ names: ["weight"], learningRate: 1e-3, weightDecay: 0 }],
      schedule: { kind: "constant", warmupSteps: 0, totalSteps: STEPS },
      maxGradientNorm: 1,
      checkpointEverySteps: STEPS,
      fingerprint: "wide",
      outputFolder,
    },
    {
      backend: createOrtBackend({ threads: 1 }),
      onStep: ({ loss, stepSeconds }) => {
        losses.push(loss);
        longestSeconds = Math.max(longestSeconds, stepSeconds);
      },
    },
  );
  return { longestSeconds, losses };
}
