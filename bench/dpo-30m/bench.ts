import type { Benchmark } from "../subject.ts";

/**
 * DPO of a decoder of 28 M parameters (all weights, float32, AdamW) on real pairs, four a step: prompts shared and rows packed, the same with each
 * prompt computed twice, and TRL's DPOTrainer with its reference in every step and computed beforehand. Texts and models:
 * npx tsx bench/subjects/preference-data.ts
 */
export const benchmark: Benchmark = {
  name: "dpo-30m",
  unit: "seconds per step",
  subjects: [
    {
      name: "tutti",
      runtime: "node",
      script: "subjects/tutti-language-training.ts",
      args: ["dpo", "decoder-30m"],
    },
    {
      name: "tutti-separate",
      runtime: "node",
      script: "subjects/tutti-language-training.ts",
      args: ["dpo", "decoder-30m", "--separate"],
    },
    { name: "trl", runtime: "python", script: "peers/trl_trainers.py", args: ["dpo", "decoder-30m"] },
    {
      name: "trl-precomputed",
      runtime: "python",
      script: "peers/trl_trainers.py",
      args: ["dpo", "decoder-30m", "--precompute"],
    },
  ],
  ratios: [
    ["tutti", "trl"],
    ["tutti", "trl-precomputed"],
    ["tutti", "tutti-separate"],
  ],
};
