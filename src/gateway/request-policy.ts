/**
 * The policy of one request: that of the gateway, narrowed or replaced by the request itself, in the body as
 * `tutti: {policy: {...}}` or as JSON in the header `x-tutti-policy`.
 */
import {
  describeIssue,
  type PolicyOverride,
  policyKeys,
  policyOverrideSchema,
  policySchema,
} from "../config/index.ts";
import { checkPolicy, type Policy, type PolicyGround } from "../routing/policy/index.ts";
import { TuttiError } from "../support/errors.ts";

export const POLICY_HEADER = "x-tutti-policy";

/** Where a request said it, for error messages. */
export interface StatedPolicy {
  /** `tutti.policy` or the header's name. */
  readonly place: string;
  readonly override: PolicyOverride;
}

function invalid(place: string, field: string, problem: string, hint?: string): TuttiError {
  const param = field === "" ? place : `${place}.${field}`;
  return new TuttiError("REQUEST_INVALID", `${param}: ${problem}`, {
    details: { param, reason: "invalid_policy" },
    ...(hint !== undefined && { hint }),
  });
}

function checkedOverride(place: string, value: unknown): StatedPolicy {
  const result = policyOverrideSchema.safeParse(value);
  if (result.success) return { place, override: result.data };
  const { field, problem } = describeIssue(result.error.issues[0]!, value, policyKeys);
  throw invalid(place, field, problem);
}

/**
 * What a request says about the policy, if anything.
 *
 * @param body - the `tutti` field of the body
 * @throws {TuttiError} REQUEST_INVALID naming field or header
 */
export function statedPolicy(body: unknown, header: string | undefined): StatedPolicy | undefined {
  const inBody = bodyPolicy(body);
  if (header === undefined) return inBody === undefined ? undefined : checkedOverride("tutti.policy", inBody);
  if (inBody !== undefined)
    throw invalid(POLICY_HEADER, "", "given beside tutti.policy, expected one of both");
  let value: unknown;
  try {
    value = JSON.parse(header);
  } catch {
    throw invalid(
      POLICY_HEADER,
      "",
      "not valid JSON",
      `write for example {"choose": "cheapest", "qualityBar": 0.8}`,
    );
  }
  return checkedOverride(POLICY_HEADER, value);
}

function bodyPolicy(tutti: unknown): unknown {
  if (tutti === undefined || tutti === null) return undefined;
  if (typeof tutti !== "object" || Array.isArray(tutti)) throw invalid("tutti", "", "expected an object");
  const unknown = Object.keys(tutti).find((key) => key !== "policy");
  if (unknown !== undefined) throw invalid("tutti", unknown.slice(0, 100), "unknown key, expected policy");
  return (tutti as { policy?: unknown }).policy ?? undefined;
}

/** What would choose in the budget's place. */
const BUDGET_DECIDES = ["choose", "qualityPerUsd", "abstain"] as const;

/**
 * The request's word where the gateway keeps a budget: bars may rise, and lists narrow, but nothing is loosened. Lists of
 * the request's own make the policy strict, for the answer beyond an empty budget is that of the cheapest of all.
 */
function withinBudget(base: Policy, { place, override }: StatedPolicy): PolicyOverride {
  for (const field of BUDGET_DECIDES) {
    if (override[field] !== undefined) {
      throw invalid(place, field, "the gateway keeps a budget, which decides");
    }
  }
  const { qualityBar, latencyBarMs, strict, allow, deny } = override;
  return {
    ...override,
    qualityBar: tighter(Math.max, base.qualityBar, qualityBar),
    latencyBarMs: tighter(Math.min, base.latencyBarMs, latencyBarMs),
    strict: base.strict || strict || allow !== undefined || deny !== undefined,
  };
}

function tighter(
  pick: (a: number, b: number) => number,
  own: number | undefined,
  asked: number | undefined,
): number | undefined {
  return own === undefined || asked === undefined ? (own ?? asked) : pick(own, asked);
}

/**
 * The gateway's policy with the request's on top. Deny lists add up, allow lists intersect, so a request never reaches
 * what the gateway keeps from it; a budget cannot be left.
 *
 * @throws {TuttiError} REQUEST_INVALID when the two do not go together, or name models that the pool lacks
 */
export function mergePolicy(
  base: Policy | undefined,
  stated: StatedPolicy | undefined,
  ground: PolicyGround,
): Policy | undefined {
  if (stated === undefined) return base;
  const { place } = stated;
  const override = base?.choose === "budget" ? withinBudget(base, stated) : stated.override;
  const choose = override.choose ?? base?.choose ?? "best-quality";
  const allow =
    base?.allow === undefined
      ? override.allow
      : (override.allow ?? base.allow).filter((model) => base.allow!.includes(model));
  const deny = [...(base?.deny ?? []), ...(override.deny ?? [])];
  const merged: Policy = {
    ...base,
    ...override,
    choose,
    qualityPerUsd: override.qualityPerUsd ?? (choose === base?.choose ? base.qualityPerUsd : undefined),
    allow,
    ...(deny.length > 0 && { deny }),
  };
  try {
    checkPolicy(merged, ground);
  } catch (thrown) {
    if (!TuttiError.is(thrown) || thrown.code !== "POLICY_INVALID") throw thrown;
    const field = String(thrown.details.field);
    throw invalid(place, field, thrown.message.replace(/^policy\.[^:]*: /, ""), thrown.hint);
  }
  return merged;
}

/**
 * A whole policy written as JSON, as on the command line.
 *
 * @throws {TuttiError} POLICY_INVALID naming the field
 */
export function parsePolicy(text: string): Policy {
  const fail = (problem: string): TuttiError => new TuttiError("POLICY_INVALID", problem);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail(`policy: not valid JSON, expected for example {"choose": "cheapest", "qualityBar": 0.8}`);
  }
  const result = policySchema.safeParse(value);
  if (result.success) return result.data;
  const { field, problem } = describeIssue(result.error.issues[0]!, value, policyKeys);
  throw fail(`policy${field === "" ? "" : `.${field}`}: ${problem}`);
}
