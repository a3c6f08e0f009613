/**
 * What a fuse.yaml may say: one schema a section, FuseChat-3.0's values as defaults. Editors know it by assets/fuse.schema.json, which
 * is made from here.
 */
import { z } from "zod";
import { FUSE_TARGET_NAMES } from "./fuse-targets.ts";

const text = z.string().min(1);
const share = z.number().min(0).max(1);
const count = z.int().positive();
const parameters = z.record(z.string(), z.json());
const path = text.describe("relative to this file");

const sourceSchema = z.strictObject({
  model: text.describe("name in the pool"),
  parameters: parameters.default({}).describe("of its requests, over those of the pool file"),
  evaluate: z.boolean().default(true).describe("false: it is not asked held-out prompts"),
});

const targetSchema = z.strictObject({
  model: text.describe("hf:ORG/NAME, or a folder relative to this file"),
  like: z
    .enum(FUSE_TARGET_NAMES)
    .default("llama-3.1-8b")
    .describe("target of the paper whose learning rates, beta and normalisation are the defaults"),
  parameters: parameters.default({}).describe("of its answers in the evaluation"),
  maxBatch: count.default(16).describe("answers it gives at once"),
  contextTokens: count.optional().describe("prompt and answer in the evaluation; default: the model's own"),
});

const holdoutSchema = z.strictObject({
  share: share.optional().describe("of the domain's prompts, by hash"),
  files: z.array(path).min(1).optional().describe("files of their own instead"),
  most: count.optional().describe("prompts at most, by hash"),
});

const sftRuleSchema = z.strictObject({
  choose: z.enum(["best", "correct-then-best", "first", "vote"]).optional(),
  promptShare: share.optional().describe("of the prompts that are kept; the others give pairs"),
});

const pairRuleSchema = z.strictObject({
  choose: z.enum(["same-source", "cross-source", "shortest-above-mean", "none"]).optional(),
  leastGap: z.number().nonnegative().optional(),
  mostGap: z.number().nonnegative().nullable().optional().describe("null: no limit"),
  sources: z.enum(["largest-gap", "first", "all"]).default("largest-gap"),
  verified: z.boolean().optional().describe("whether chosen is correct and rejected wrong"),
  unpaired: z.enum(["drop", "sft"]).optional().describe("what becomes of prompts that give no pair"),
});

const domainSchema = z.strictObject({
  name: text,
  prompts: z.array(path).min(1).describe("data files of any format"),
  exclude: z.array(text).default([]).describe("regular expressions; prompts that match are left out"),
  most: count.optional().describe("training prompts at most, by hash"),
  holdout: holdoutSchema.default({}),
  sources: z
    .array(z.union([text, z.strictObject({ model: text, samples: count })]))
    .min(1)
    .optional()
    .describe("names, or {model, samples} for another number of samples; default: all"),
  samples: count.describe("answers of each source to each prompt"),
  verifier: text.optional().describe("judge that says whether an answer is correct"),
  correctAt: z.number().default(1).describe("its scores from here on mean correct"),
  scorer: text.optional().describe("judge whose score ranks answers"),
  sft: sftRuleSchema.prefault({}),
  pairs: pairRuleSchema.prefault({}),
});

const work = {
  concurrency: count.default(64),
  leaseSeconds: z.number().positive().default(60).describe("after which the work of a dead process is free"),
  budgetUsd: z.number().nonnegative().optional(),
  budgetTokens: count.optional(),
  failuresAllowed: share.default(0.01).describe("share that may fail for good"),
};
const workSchema = z.strictObject(work);

const training = {
  batch: count.default(128).describe("prompts a step"),
  maxTokens: z.int().min(2).default(2048).describe("of prompt and answer"),
  tokensAtOnce: count.default(2048).describe("of one forward pass"),
  learningRate: z.number().positive().optional(),
  weightDecay: share.default(0),
  optimizer: z.enum(["adamw", "adamw-8bit"]).default("adamw"),
  schedule: z.enum(["cosine", "linear", "constant"]).default("cosine"),
  warmup: share.default(0.1).describe("share of the steps"),
  clip: z.number().nonnegative().default(1),
  lora: z.strictObject({ rank: count, alpha: z.number().positive().optional() }).optional(),
};

const sftSchema = z.strictObject({
  ...training,
  epochs: z.number().positive().default(3),
  checkpointEvery: count.default(25).describe("steps"),
});

const dpoSchema = z.strictObject({
  ...training,
  epochs: z.number().positive().default(1),
  checkpointEvery: count.default(100).describe("steps"),
  loss: z.enum(["sigmoid", "hinge", "ipo", "robust"]).default("sigmoid"),
  beta: z.number().positive().optional(),
  lengthNormalised: z.boolean().optional(),
  labelSmoothing: z.number().min(0).lt(0.5).default(0),
  keep: z.enum(["better-of-last-two", "best", "last"]).default("better-of-last-two"),
  validationShare: share.default(0.02).describe("of the pairs, held out to choose the checkpoint by"),
});

const evaluationSchema = z.strictObject({
  samples: count.default(1).describe("answers of each model to each held-out prompt"),
  parameters: parameters
    .default({ temperature: 0, max_tokens: 1024 })
    .describe("of all models, over their own"),
  resamples: count.default(1000).describe("of the bootstrap"),
});

export const fuseSchema = z.strictObject({
  name: text.default("fused").describe("of the fused model"),
  pool: path.describe("pool.yaml with the sources"),
  store: text.optional().describe("of answers and verdicts; default: in the run's folder"),
  seed: z.int().nonnegative().default(0),
  threads: count.default(2).describe("compute threads"),
  sources: z.array(sourceSchema).min(1),
  target: targetSchema,
  domains: z.array(domainSchema).min(1),
  sampling: workSchema.prefault({}),
  judging: workSchema.prefault({}),
  sft: sftSchema.prefault({}),
  dpo: dpoSchema.prefault({}),
  evaluation: evaluationSchema.prefault({}),
});

export type FuseFile = z.output<typeof fuseSchema>;
export type FuseFileDomain = FuseFile["domains"][number];

const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  sources: Object.keys(sourceSchema.shape),
  target: Object.keys(targetSchema.shape),
  domains: Object.keys(domainSchema.shape),
  "domains.sources": ["model", "samples"],
  holdout: Object.keys(holdoutSchema.shape),
  "domains.sft": Object.keys(sftRuleSchema.shape),
  "domains.pairs": Object.keys(pairRuleSchema.shape),
  sampling: Object.keys(work),
  judging: Object.keys(work),
  sft: Object.keys(sftSchema.shape),
  dpo: Object.keys(dpoSchema.shape),
  lora: ["rank", "alpha"],
  evaluation: Object.keys(evaluationSchema.shape),
};

/** Allowed keys at a path, for suggestions. */
export function fuseKeys(keys: readonly PropertyKey[]): readonly string[] {
  const names = keys.filter((key) => typeof key === "string");
  if (names.length === 0) return Object.keys(fuseSchema.shape);
  return SECTIONS[names.join(".")] ?? SECTIONS[String(names.at(-1))] ?? [];
}

/** The JSON Schema (draft 2020-12) of a fuse file as it is written, defaults left out. */
export function fuseJsonSchema(): Record<string, unknown> {
  return {
    $id: "https://tutti.invalid/fuse.schema.json",
    title: "Tutti fuse file",
    ...z.toJSONSchema(fuseSchema, { io: "input" }),
  };
}
