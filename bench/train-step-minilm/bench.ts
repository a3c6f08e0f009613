import type { Benchmark } from "../subject.ts";
import { trainStepThroughput } from "../subjects/train-step-throughput.ts";

/** A training step of the MiniLM shape, 32 x 128 tokens, masked language model, float32, AdamW: Tutti beside PyTorch. */
export const benchmark: Benchmark = {
  name: "train-step-minilm",
  unit: "seconds per step",
  subjects: [
    { name: "tutti", runtime: "node", script: "subjects/tutti-train-step.ts", args: ["minilm"] },
    { name: "torch-eager", runtime: "python", script: "peers/torch_train_step.py", args: ["minilm"] },
    {
      name: "torch-compile",
      runtime: "python",
      script: "peers/torch_train_step.py",
      args: ["minilm", "--compile"],
    },
  ],
  throughput: trainStepThroughput("minilm", [[4096, 384, 1536]]),
  ratios: [
    ["tutti", "torch-eager"],
    ["tutti", "torch-compile"],
  ],
};
