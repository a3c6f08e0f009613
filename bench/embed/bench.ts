import { embedRatios, embedSubjects } from "../embed-subjects.ts";
import { writeTexts } from "../embed-work.ts";
import type { Benchmark } from "../subject.ts";

await writeTexts();

/**
 * all-MiniLM-L6-v2 on 256 prompts of the shipped data at their natural lengths, cut to 256 tokens: all of them at once,
 * each library with its own batches. Tutti runs texts of equal length together (512 tokens a run), sentence-transformers
 * 32 texts of neighbouring lengths (its default), transformers.js 32 texts in the order given (it has no batches of its
 * own). 1000 / median is texts per second.
 */
export const benchmark: Benchmark = {
  name: "embed",
  unit: "seconds per 1000 texts",
  subjects: embedSubjects("throughput"),
  ratios: embedRatios(),
};
