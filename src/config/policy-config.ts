/** The `policy` section of the pool file, and what a request may say about it: shapes and ranges. */
import { z } from "zod";

const share = z.number().min(0).max(1);
const names = z.array(z.string().min(1)).min(1);

const budgetSchema = z.strictObject({
  usd: z.number().positive().describe("US dollars a period"),
  periodSeconds: z.number().positive(),
  requestsPerPeriod: z.number().min(1).describe("expected traffic of the first period"),
});

const abstainSchema = z.strictObject({
  model: z.string().min(1),
  qualityBelow: share.optional(),
  marginBelow: share.optional(),
});

/** What both the pool file and a request may set. */
const commonFields = {
  qualityPerUsd: z.number().nonnegative().describe("lambda: quality that one US dollar must buy").optional(),
  qualityBar: share.optional(),
  latencyBarMs: z.number().positive().optional(),
  strict: z.boolean().describe("whether a bar that nobody reaches is an error").optional(),
  allow: names.optional(),
  deny: names.optional(),
  abstain: abstainSchema.optional(),
};

export const policySchema = z.strictObject({
  choose: z.enum(["best-quality", "quality-minus-cost", "cheapest", "budget"]),
  budget: budgetSchema.optional(),
  ...commonFields,
});

/** A request narrows or replaces the policy of the pool file; a budget is not its to set. */
export const policyOverrideSchema = z.strictObject({
  choose: z.enum(["best-quality", "quality-minus-cost", "cheapest"]).optional(),
  ...commonFields,
});

export type PolicyConfig = z.output<typeof policySchema>;
export type PolicyOverride = z.output<typeof policyOverrideSchema>;

/** Allowed keys at a path inside `policy`, for suggestions. */
export function policyKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path.at(-1) === "budget") return Object.keys(budgetSchema.shape);
  if (path.at(-1) === "abstain") return Object.keys(abstainSchema.shape);
  return Object.keys(policySchema.shape);
}
