import type { Benchmark } from "../subject.ts";
import { METHODS } from "../training-work.ts";

/** The headline first; then prompts at its candidates, and candidates at its prompts. */
const SIZES = process.argv.includes("--quick")
  ? ["400x5", "200x5", "800x5", "400x2", "400x20"]
  : ["10000x5", "1000x5", "100000x5", "10000x2", "10000x20", "10000x100"];

/**
 * Time and memory of training a router on embedded prompts, and the exponents by which they grow with prompts and candidates
 * (least squares on logarithms). Rows: the shipped judged sets, resampled words beyond them. The headline is 10,000 prompts
 * and 5 candidates.
 */
export const benchmark: Benchmark = {
  name: "router-training",
  unit: "seconds per training",
  subjects: Object.keys(METHODS).map((method) => ({
    name: method,
    runtime: "node",
    script: "subjects/train-router.ts",
    args: [method, ...SIZES],
  })),
  ratios: [],
};
