import type { Benchmark } from "../subject.ts";
import { trainStepThroughput } from "../subjects/train-step-throughput.ts";

/**
 * A LoRA step (rank 16, every projection) of the SmolLM2-135M shape: Tutti, with frozen weights in float32 and in
 * float16, beside peft on PyTorch eager.
 */
export const benchmark: Benchmark = {
  name: "train-step-smollm2-lora",
  unit: "seconds per step",
  subjects: [
    { name: "tutti", runtime: "node", script: "subjects/tutti-train-step.ts", args: ["smollm2-lora"] },
    {
      name: "tutti-float16",
      runtime: "node",
      script: "subjects/tutti-train-step.ts",
      args: ["smollm2-lora", "--frozen-storage", "float16"],
    },
    { name: "torch-eager", runtime: "python", script: "peers/torch_train_step.py", args: ["smollm2-lora"] },
  ],
  throughput: trainStepThroughput("smollm2-lora", [[1024, 576, 1536]]),
  ratios: [
    ["tutti", "torch-eager"],
    ["tutti-float16", "tutti"],
  ],
};
