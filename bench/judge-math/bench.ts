import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gradedResponses } from "../judge-work.ts";
import type { Benchmark } from "../subject.ts";

/** Every eighth of the shipped responses to GSM8K and MATH; both judges read the same file. */
const EVERY = 8;
const folder = join(import.meta.dirname, "../../.cache/bench");
const file = join(folder, "judge-math.json");
mkdirSync(folder, { recursive: true });
const responses = (await gradedResponses()).filter((_, index) => index % EVERY === 0);
writeFileSync(file, JSON.stringify(responses));

/**
 * Extracting and comparing the final answers of real responses, one after the other in one process. math-verify parses the
 * reference as LaTeX or expression, as its own evaluation of these benchmarks does. figures: the share of responses where the
 * judge agrees with the recorded correctness. 1000 / median is responses per second.
 */
export const benchmark: Benchmark = {
  name: "judge-math",
  unit: "seconds per 1000 responses",
  subjects: [
    { name: "tutti", runtime: "node", script: "subjects/tutti-judge-math.ts", args: [file] },
    { name: "math-verify", runtime: "python", script: "peers/math_verify_judge.py", args: [file] },
  ],
  ratios: [["tutti", "math-verify"]],
};
