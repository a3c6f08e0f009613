import type { Benchmark } from "../subject.ts";

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
  ratios: [
    ["tutti", "torch-eager"],
    ["tutti", "torch-compile"],
  ],
};
