import type { Benchmark } from "../subject.ts";
import { trainStepThroughput } from "../subjects/train-step-throughput.ts";

/** A training step of a decoder of 30 M parameters, 8 x 256 tokens, float32, AdamW: Tutti beside PyTorch. */
export const benchmark: Benchmark = {
  name: "train-step-decoder-30m",
  unit: "seconds per step",
  subjects: [
    { name: "tutti", runtime: "node", script: "subjects/tutti-train-step.ts", args: ["decoder-30m"] },
    { name: "torch-eager", runtime: "python", script: "peers/torch_train_step.py", args: ["decoder-30m"] },
    {
      name: "torch-compile",
      runtime: "python",
      script: "peers/torch_train_step.py",
      args: ["decoder-30m", "--compile"],
    },
  ],
  throughput: trainStepThroughput("decoder-30m", [[2048, 384, 1024]]),
  ratios: [
    ["tutti", "torch-eager"],
    ["tutti", "torch-compile"],
  ],
};
