import type { Benchmark } from "../subject.ts";

const ANSWERS = 10_000;

/**
 * 10,000 answers (2,500 prompts, 4 samples each) from a mock provider in a process of its own, which has 32 places and takes 50 ms an
 * answer: its own limit is 640 answers a second. Limit: a plain HTTP client that keeps all places busy and throws the answers
 * away. Tutti: `sample` into a new SQLite store, work queue and all, with the concurrency found by itself (64 at most).
 */
export const benchmark: Benchmark = {
  name: "sampling",
  unit: "seconds per 1000 answers",
  subjects: [
    { name: "limit", runtime: "node", script: "subjects/sampling-limit.ts", args: [String(ANSWERS)] },
    { name: "tutti", runtime: "node", script: "subjects/tutti-sampling.ts", args: [String(ANSWERS)] },
  ],
  ratios: [["tutti", "limit"]],
};
