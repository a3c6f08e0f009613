/** What a latent router keeps beside its numbers. */
import { z } from "zod";
import { utilityRuleSchema } from "../evaluation/utilities.ts";
import { ANSWER_FEATURES } from "./answer-features.ts";

/** What is predicted of an answer; each part has penalties of its own. */
export const PARTS = ["utility", "quality", "answer"] as const;
export type Part = (typeof PARTS)[number];

/** Outputs of each part: utility; quality in [0, 1]; log tokens and {@link ANSWER_FEATURES}. */
export const PART_WIDTHS: Readonly<Record<Part, number>> = {
  utility: 1,
  quality: 1,
  answer: 1 + ANSWER_FEATURES.length,
};

/** A benchmark that was trained on, and how its scores become targets. */
export const benchmarkSchema = z.strictObject({
  name: z.string(),
  /** Index of the task it belongs to. */
  task: z.int().nonnegative(),
  rule: utilityRuleSchema,
  /** Mean utility of the pool that was trained on, and the spread of utilities around each prompt's mean. */
  centre: z.number(),
  spread: z.number().positive(),
  /** Scores of the benchmark: what maps them to [0, 1]. */
  range: z.strictObject({ min: z.number(), max: z.number() }),
});

export type LatentBenchmark = z.infer<typeof benchmarkSchema>;

const penaltySchema = z.number().positive();

/** Benchmarks that are learned together. */
export const taskSchema = z.strictObject({
  prompts: z.int().positive(),
  penalties: z.strictObject({ utility: penaltySchema, quality: penaltySchema, answer: penaltySchema }),
});

export type LatentTask = z.infer<typeof taskSchema>;

export const latentHeaderSchema = z.strictObject({
  kind: z.literal("latent"),
  benchmarks: z.array(benchmarkSchema).min(1),
  tasks: z.array(taskSchema).min(1),
  /** What the answer heads predict after the length, in order. */
  answerFeatures: z.array(z.string()).refine((names) => names.join() === ANSWER_FEATURES.join(), {
    error: `expected ${ANSWER_FEATURES.join(", ")}`,
  }),
});

export type LatentHeader = z.infer<typeof latentHeaderSchema>;
