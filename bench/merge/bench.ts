import type { Benchmark } from "../subject.ts";

const METHODS = "sce,ties,dare-linear,linear";
/** The headline first. */
const SIZES = process.argv.includes("--quick") ? ["30m"] : ["500m", "7b-slice"];

/**
 * Seconds and peak memory of merging three models of bfloat16 into a fourth beside mergekit. Both compute with more precision than
 * they store; Tutti on one thread, with another that hashes the inputs for the model's card, and mergekit's PyTorch on all. The
 * headline is SCE over 470 million parameters; "7b-slice" has the largest tensors of a model of 7 billion.
 */
export const benchmark: Benchmark = {
  name: "merge",
  unit: "seconds per merge",
  subjects: ["tutti", "mergekit"].map((side) => ({
    name: side,
    runtime: "node",
    script: "subjects/merge.ts",
    args: [side, METHODS, ...SIZES],
  })),
  ratios: [["tutti", "mergekit"]],
};
