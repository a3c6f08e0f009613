import type { Benchmark } from "../subject.ts";

/** One training step, forward to updated weights, in float32 with AdamW: Tutti beside PyTorch eager on the CPU. */
export const benchmark: Benchmark = {
  name: "train-step-smollm2",
  unit: "seconds per step",
  subjects: [
    { name: "tutti", runtime: "node", script: "subjects/tutti-train-step.ts", args: ["smollm2"] },
    { name: "torch-eager", runtime: "python", script: "peers/torch_train_step.py", args: ["smollm2"] },
  ],
  ratios: [["tutti", "torch-eager"]],
};
