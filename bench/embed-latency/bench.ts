import { embedRatios, embedSubjects } from "../embed-subjects.ts";
import { writeTexts } from "../embed-work.ts";
import type { Benchmark } from "../subject.ts";

await writeTexts();

const PERCENTILES = ["p50", "p99"] as const;

/** all-MiniLM-L6-v2 on 128 prompts one at a time: median and 99th percentile of the time of one text in each round. */
export const benchmark: Benchmark = {
  name: "embed-latency",
  unit: "milliseconds per text",
  subjects: PERCENTILES.flatMap((mode) => embedSubjects(mode, `-${mode}`)),
  ratios: PERCENTILES.flatMap((mode) => embedRatios(`-${mode}`)),
};
