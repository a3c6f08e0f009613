import type { Benchmark } from "../subject.ts";

/**
 * Supervised fine-tuning of a decoder of 28 M parameters (all weights, float32, AdamW) on real answers, four a step, loss on the answers: packed rows
 * beside TRL's SFTTrainer. Texts and models: npx tsx bench/subjects/preference-data.ts
 */
export const benchmark: Benchmark = {
  name: "sft-30m",
  unit: "seconds per step",
  subjects: [
    {
      name: "tutti",
      runtime: "node",
      script: "subjects/tutti-language-training.ts",
      args: ["sft", "decoder-30m"],
    },
    { name: "trl", runtime: "python", script: "peers/trl_trainers.py", args: ["sft", "decoder-30m"] },
  ],
  ratios: [["tutti", "trl"]],
};
