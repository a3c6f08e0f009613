import type { Benchmark } from "../subject.ts";
import { executedStepFlops, trainStepThroughput } from "../subjects/train-step-throughput.ts";

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
      executedFlopsPerUnit: executedStepFlops("smollm2", ["attention"]),
    },
    {
      name: "tutti-layer",
      runtime: "node",
      script: "subjects/tutti-train-step.ts",
      args: ["smollm2", "--recompute", "layer"],
      executedFlopsPerUnit: executedStepFlops("smollm2", ["layer"]),
    },
    {
      name: "torch-checkpoint",
      runtime: "python",
      script: "peers/torch_train_step.py",
      args: ["smollm2", "--checkpoint"],
    },
  ],
  throughput: trainStepThroughput("smollm2", [[1024, 576, 1536]]),
  ratios: [
    ["tutti-attention", "torch-checkpoint"],
    ["tutti-layer", "torch-checkpoint"],
  ],
};
