import type { Benchmark } from "../subject.ts";

/**
 * Fine-tuning SmolLM2-135M-Instruct (all parameters, float32, AdamW) on conversations of natural lengths, four a step,
 * loss on the responses: Tutti's length buckets and its packing beside the Hugging Face Trainer with length-grouped
 * batches and dynamic padding. Texts: npx tsx bench/subjects/trainer-data.ts
 */
export const benchmark: Benchmark = {
  name: "train-step-trainer",
  unit: "seconds per 1000 tokens",
  subjects: [
    { name: "tutti-buckets", runtime: "node", script: "subjects/tutti-trainer.ts", args: ["buckets"] },
    { name: "tutti-packed", runtime: "node", script: "subjects/tutti-trainer.ts", args: ["packed"] },
    { name: "trainer", runtime: "python", script: "peers/transformers_trainer.py", args: [] },
  ],
  ratios: [
    ["tutti-buckets", "trainer"],
    ["tutti-packed", "trainer"],
  ],
};
