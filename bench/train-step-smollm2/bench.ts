import type { Benchmark } from "../subject.ts";
import { trainStepThroughput } from "../subjects/train-step-throughput.ts";

/** A training step of the SmolLM2-135M shape, 4 x 256 tokens, float32, AdamW: Tutti beside PyTorch eager and compiled. */
export const benchmark: Benchmark = {
  name: "train-step-smollm2",
  unit: "seconds per step",
  subjects: [
    { name: "tutti", runtime: "node", script: "subjects/tutti-train-step.ts", args: ["smollm2"] },
    { name: "torch-eager", runtime: "python", script: "peers/torch_train_step.py", args: ["smollm2"] },
    {
      name: "torch-compile",
      runtime: "python",
      script: "peers/torch_train_step.py",
      args: ["smollm2", "--compile"],
    },
  ],
  throughput: trainStepThroughput("smollm2", [[1024, 576, 1536]]),
  ratios: [
    ["tutti", "torch-eager"],
    ["tutti", "torch-compile"],
  ],
};
