import type { Benchmark } from "../subject.ts";

/** The SmolLM2-135M step with attention or whole layers computed twice: memory against time, beside PyTorch's gradient checkpointing. */
export const benchmark: Benchmark = {
  name: "train-step-smollm2-recompute",
  unit: "seconds per step",
  subjects: [
    {
      name: "tutti-attention",
      runtime: "node",
      script: "subjects/tutti-train-step.ts",
      args: ["smollm2", "--recompute", "attention"],
    },
    {
      name: "tutti-layer",
      runtime: "node",
      script: "subjects/tutti-train-step.ts",
      args: ["smollm2", "--recompute", "layer"],
    },
    {
      name: "torch-checkpoint",
      runtime: "python",
      script: "peers/torch_train_step.py",
      args: ["smollm2", "--checkpoint"],
    },
  ],
  ratios: [
    ["tutti-attention", "torch-checkpoint"],
    ["tutti-layer", "torch-checkpoint"],
  ],
};
