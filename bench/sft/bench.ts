import type { Benchmark } from "../subject.ts";

/**
 * Supervised fine-tuning of SmolLM2-135M-Instruct (all weights, float32, AdamW) on real answers, four a step, loss on the answers: packed rows
 * beside TRL's SFTTrainer. Texts and models: npx tsx bench/subjects/preference-data.ts
 */
export const benchmark: Benchmark = {
  name: "sft",
  unit: "seconds per step",
  subjects: [
    {
      name: "tutti",
      runtime: "node",
      script: "subjects/tutti-language-training.ts",
      args: ["sft", "smollm2"],
    },
    { name: "trl", runtime: "python", script: "peers/trl_trainers.py", args: ["sft", "smollm2"] },
  ],
  ratios: [["tutti", "trl"]],
};
