/** Verdicts of a domain's judges on listed answers, made in the store: for training and for the evaluation. */
import { createHash } from "node:crypto";
import { type JsonObject, type JudgedStore, judgementKey } from "../../judged/index.ts";
import { type Judge, judgeStore } from "../../judges/index.ts";
import { spentOn } from "../../judges/judging/plan.ts";
import type { Spending } from "../../pool/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { version } from "../../support/version.ts";
import type { FuseContext, StageName } from "./context.ts";
import { throwUnlessDone } from "./sampling.ts";
import type { FuseDomain } from "./settings.ts";

export const ROLES = ["verifier", "scorer"] as const;
export type Role = (typeof ROLES)[number];

/** Answers of one domain and who judges them. */
export interface JudgingPart {
  readonly domain: string;
  readonly judges: { readonly [role in Role]?: string | undefined };
  /** Of the answers. */
  readonly keys: readonly string[];
}

/** What the store holds of one judge's verdicts on one domain's answers. */
export interface VerdictCounts extends JsonObject {
  readonly judge: string;
  readonly version: string;
  readonly judged: number;
  /** Answers that the judge cannot judge, or failed on. */
  readonly leftOut: number;
  readonly failed: number;
  readonly verdicts: { readonly [verdict: string]: number };
  readonly meanScore: number | null;
  readonly costUsd: number;
  readonly tokens: number;
  /** SHA-256 of the answers' keys and scores. */
  readonly scores: string;
}

export type JudgedPart = JsonObject & { readonly [role in Role]?: VerdictCounts };

/** Judges of the domains by role, and all that a verdict depends on beside the answer. */
export async function judgingInputs(
  { judgeDigest }: Pick<FuseContext, "judgeDigest">,
  domains: readonly FuseDomain[],
): Promise<JsonObject> {
  const judges: JsonObject[] = [];
  for (const { name, ...domain } of domains) {
    const own: Record<string, string> = {};
    for (const role of ROLES) {
      const judge = domain[role];
      if (judge !== undefined) own[role] = await judgeDigest(judge);
    }
    judges.push({ domain: name, ...own });
  }
  // Another release may judge otherwise; verdicts of the same version of a judge are found in the store.
  return { tutti: version, judges };
}

/** Opened judges by name, each opened once. */
export class OpenJudges {
  readonly #open: (name: string) => Promise<Judge>;
  readonly #judges = new Map<string, Promise<Judge>>();

  constructor({ openJudge }: Pick<FuseContext, "openJudge">) {
    this.#open = openJudge;
  }

  get(name: string): Promise<Judge> {
    const known = this.#judges.get(name) ?? this.#open(name);
    this.#judges.set(name, known);
    return known;
  }

  async close(): Promise<void> {
    // Whoever asked for one that could not be opened has been told.
    const asked = await Promise.allSettled(this.#judges.values());
    for (const judge of asked) if (judge.status === "fulfilled") await judge.value.close?.();
  }
}

/**
 * Makes the verdicts that are missing, and says what the store then holds.
 *
 * @throws {TuttiError} INTERRUPTED, BUDGET_EXHAUSTED, what opening a judge throws, the failure that ended the work, JUDGE_FAILED
 *   where more verdicts failed than are allowed
 */
export async function judgeParts(
  context: FuseContext,
  stage: StageName,
  parts: readonly JudgingPart[],
): Promise<Record<string, JudgedPart>> {
  const judges = new OpenJudges(context);
  const judged: Record<string, JudgedPart> = {};
  const spent = { usd: 0, tokens: 0 };
  try {
    for (const { domain, judges: names, keys } of parts) {
      const own: { [role in Role]?: VerdictCounts } = {};
      for (const role of ROLES) {
        const name = names[role];
        if (name === undefined) continue;
        const judge = await judges.get(name);
        const work = await judgePart(context, stage, { domain, judge, keys, spent });
        own[role] = { ...(await countsOf(context.store, judge, keys)), ...work };
        const { judged: count, meanScore } = own[role];
        const mean = meanScore === null ? "" : `, mean score ${meanScore.toFixed(4)}`;
        context.events.onFact?.(stage, "info", `${domain}: ${count} verdicts of ${judge.name}${mean}`);
        spent.usd += own[role].costUsd;
        spent.tokens += own[role].tokens;
      }
      judged[domain] = own;
    }
    return judged;
  } finally {
    await judges.close();
  }
}

interface Work {
  readonly domain: string;
  readonly judge: Judge;
  readonly keys: readonly string[];
  /** By the parts before. */
  readonly spent: Spending;
}

async function judgePart(
  { settings, store, signal, events }: FuseContext,
  stage: StageName,
  { domain, judge, keys, spent }: Work,
): Promise<Pick<VerdictCounts, "leftOut" | "failed">> {
  const { concurrency, leaseSeconds, budgetUsd, budgetTokens, failuresAllowed } = settings.judging;
  const { end, total, done, leftOut, failures } = await judgeStore({
    ...{ store, judge, signal },
    answers: { keys },
    budget: {
      ...(budgetUsd !== undefined && { usd: Math.max(0, budgetUsd - spent.usd) }),
      ...(budgetTokens !== undefined && { tokens: Math.max(0, budgetTokens - spent.tokens) }),
    },
    maxConcurrency: concurrency,
    leaseMs: leaseSeconds * 1000,
    onProgress: (state) =>
      events.onProgress?.({
        ...{
          stage,
          part: `${domain}, ${judge.name}`,
          done: state.done,
          total: state.total,
          unit: "verdicts",
        },
        note: state.failures.map(({ code, count }) => `${count} ${code}`).join("  "),
      }),
  });
  throwUnlessDone(end, "verdicts");
  const failed = total - done;
  if (failed <= failuresAllowed * total) return { leftOut, failed };
  throw new TuttiError(
    "JUDGE_FAILED",
    `domain "${domain}": ${failed} of ${total} verdicts of ${judge.name} failed${failures[0] ? `, such as: ${failures[0].example}` : ""}`,
    {
      details: { domain, judge: judge.name, failed, total },
      hint: "the same command tries them again; judging.failuresAllowed of the fuse file lets more of them fail",
    },
  );
}

/** Keys of a judge's verdicts on answers. */
export const verdictKeys = (
  { judge, version: judgeVersion }: Pick<VerdictCounts, "judge" | "version">,
  keys: readonly string[],
): string[] => keys.map((responseKey) => judgementKey({ responseKey, judge, judgeVersion }));

async function countsOf(store: JudgedStore, judge: Judge, keys: readonly string[]) {
  const hash = createHash("sha256");
  const verdicts: Record<string, number> = {};
  let [judged, sum, scored, costUsd, tokens] = [0, 0, 0, 0, 0];
  for await (const row of store.judgements({
    keys: verdictKeys({ judge: judge.name, version: judge.version }, keys),
  })) {
    judged++;
    verdicts[row.verdict] = (verdicts[row.verdict] ?? 0) + 1;
    const spent = spentOn(row);
    costUsd += spent.usd;
    tokens += spent.tokens;
    hash.update(JSON.stringify([row.responseKey, row.score]));
    if (row.score === null) continue;
    sum += row.score;
    scored++;
  }
  return {
    judge: judge.name,
    version: judge.version,
    ...{ judged, verdicts, costUsd, tokens },
    meanScore: scored === 0 ? null : sum / scored,
    scores: hash.digest("hex"),
  };
}
