import type { Benchmark } from "../subject.ts";

/**
 * A training step of the ModernBERT-base shape, 8 x 256 tokens, masked language model, float32, AdamW: Tutti beside
 * PyTorch, which computes logits at labelled positions only, as its own configuration allows.
 */
export const benchmark: Benchmark = {
  name: "train-step-modernbert",
  unit: "seconds per step",
  subjects: [
    { name: "tutti", runtime: "node", script: "subjects/tutti-train-step.ts", args: ["modernbert"] },
    { name: "torch-eager", runtime: "python", script: "peers/torch_train_step.py", args: ["modernbert"] },
    {
      name: "torch-compile",
      runtime: "python",
      script: "peers/torch_train_step.py",
      args: ["modernbert", "--compile"],
    },
  ],
  ratios: [
    ["tutti", "torch-eager"],
    ["tutti", "torch-compile"],
  ],
};
