/** Answers of models to listed prompts, sampled into the store: by the sources for training, by everybody for the evaluation. */
import { createHash } from "node:crypto";
import type { JsonObject, JudgedStore, ResponseStatus } from "../../judged/index.ts";
import { type JobEnd, type ModelSampling, type PoolModel, type Spending, sample } from "../../pool/index.ts";
import { keyOf, planJob } from "../../pool/sampling/plan.ts";
import { TuttiError } from "../../support/errors.ts";
import type { FuseContext, StageName } from "./context.ts";
import type { WorkSettings } from "./settings.ts";

/** What is to be sampled of one domain. */
export interface SamplingPart {
  readonly domain: string;
  readonly promptKeys: readonly string[];
  readonly models: readonly ModelSampling[];
}

/** What the store holds of one model's answers to one domain. */
export interface AnswerCounts extends JsonObject {
  readonly wanted: number;
  readonly statuses: { readonly [status in ResponseStatus]?: number };
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costUsd: number;
}

export interface SampledPart extends JsonObject {
  /** Model -> its answers. */
  readonly models: { readonly [model: string]: AnswerCounts };
  /** SHA-256 of keys, statuses and texts, in the order of the keys. */
  readonly answers: string;
}

/** Keys of the answers that a part wants, by model. Local models are hashed, none is opened. */
export async function answerKeys(
  { promptKeys, models }: SamplingPart,
  seed: number,
): Promise<Map<string, string[]>> {
  const keys = new Map<string, string[]>();
  for (const sampling of models) {
    const job = await planJob(sampling, { prompts: {}, seed });
    const own = promptKeys.flatMap((promptKey) =>
      Array.from({ length: sampling.samples }, (_, seedIndex) => keyOf(job, promptKey, seedIndex)),
    );
    keys.set(sampling.model.name, own);
  }
  return keys;
}

/** What identifies the answers of a part beside its prompts. */
export async function samplingInputs({ models }: SamplingPart, seed: number): Promise<JsonObject[]> {
  const inputs: JsonObject[] = [];
  for (const sampling of models) {
    const { modelRevision, template, parameters } = await planJob(sampling, { prompts: {}, seed });
    inputs.push({
      model: sampling.model.name,
      samples: sampling.samples,
      ...{ modelRevision, template, parameters },
    });
  }
  return inputs;
}

/** A model's sampling with parameters over those of its own settings. */
export const samplingOf = (
  model: PoolModel,
  samples: number,
  ...parameters: JsonObject[]
): ModelSampling => ({
  model,
  samples,
  parameters: Object.assign({}, ...parameters) as JsonObject,
});

const NO_ANSWERS: AnswerCounts = {
  ...{ wanted: 0, statuses: {}, promptTokens: 0, completionTokens: 0, costUsd: 0 },
};

async function countsOf(
  store: JudgedStore,
  wanted: ReadonlyMap<string, readonly string[]>,
): Promise<SampledPart> {
  const hash = createHash("sha256");
  const models: Record<string, AnswerCounts> = {};
  for (const [model, keys] of wanted) {
    let counts: AnswerCounts = { ...NO_ANSWERS, wanted: keys.length };
    const statuses: Partial<Record<ResponseStatus, number>> = {};
    for await (const row of store.responses({ keys })) {
      const { status, promptTokens = 0, completionTokens = 0, costUsd = 0 } = row;
      hash.update(JSON.stringify([row.key, status, row.text]));
      statuses[status] = (statuses[status] ?? 0) + 1;
      counts = {
        ...counts,
        promptTokens: counts.promptTokens + promptTokens,
        completionTokens: counts.completionTokens + completionTokens,
        costUsd: counts.costUsd + costUsd,
      };
    }
    models[model] = { ...counts, statuses };
  }
  return { models, answers: hash.digest("hex") };
}

/** What one part may still spend: all that others have left. */
function budgetLeft(work: WorkSettings, others: readonly SampledPart[]): { usd?: number; tokens?: number } {
  const all = others.flatMap(({ models }) => Object.values(models));
  const usd = all.reduce((sum, { costUsd }) => sum + costUsd, 0);
  const tokens = all.reduce((sum, one) => sum + one.promptTokens + one.completionTokens, 0);
  return {
    ...(work.budgetUsd !== undefined && { usd: Math.max(0, work.budgetUsd - usd) }),
    ...(work.budgetTokens !== undefined && { tokens: Math.max(0, work.budgetTokens - tokens) }),
  };
}

/**
 * Samples what is missing of every part, one after another, and says what the store then holds.
 *
 * @param before parts of earlier calls, which share the budget
 * @throws {TuttiError} INTERRUPTED, BUDGET_EXHAUSTED, the failure that ended a model's work, UPSTREAM_FAILED where more answers
 *   failed for good than are allowed
 */
export async function sampleParts(
  context: FuseContext,
  stage: StageName,
  parts: readonly SamplingPart[],
  before: readonly SampledPart[] = [],
): Promise<Record<string, SampledPart>> {
  const sampled: Record<string, SampledPart> = {};
  const wanted: Map<string, string[]>[] = [];
  for (const part of parts) wanted.push(await answerKeys(part, context.settings.seed));
  for (const [index, keys] of wanted.entries())
    sampled[parts[index]!.domain] = await countsOf(context.store, keys);
  for (const [index, part] of parts.entries()) {
    const others = Object.entries(sampled).filter(([domain]) => domain !== part.domain);
    await samplePart(
      context,
      stage,
      part,
      budgetLeft(context.settings.sampling, [...before, ...others.map(([, one]) => one)]),
    );
    sampled[part.domain] = await countsOf(context.store, wanted[index]!);
    context.events.onFact?.(stage, "info", answersInWords(part, sampled[part.domain]!));
    requireAnswers(part.domain, sampled[part.domain]!, context.settings.sampling.failuresAllowed);
  }
  return sampled;
}

/** "sums: 372 answers, 370 ok, 2 truncated, $0.0119" */
function answersInWords(part: SamplingPart, { models }: SampledPart): string {
  const all = Object.values(models);
  const statuses: Record<string, number> = {};
  for (const one of all) {
    for (const [status, count] of Object.entries(one.statuses))
      statuses[status] = (statuses[status] ?? 0) + (count ?? 0);
  }
  const wanted = all.reduce((sum, one) => sum + one.wanted, 0);
  const costUsd = all.reduce((sum, one) => sum + one.costUsd, 0);
  const counts = Object.entries(statuses).map(([status, count]) => `${count} ${status}`);
  return `${labelOf(part)}: ${wanted} answers, ${counts.join(", ")}, $${costUsd.toFixed(4)}`;
}

const labelOf = ({ domain, models }: SamplingPart): string =>
  models.length === 1 ? `${domain}, ${models[0]!.model.name}` : domain;

/** Frees models of this machine, which are large: they open again when they are asked again. */
export async function releaseModels(parts: readonly SamplingPart[]): Promise<void> {
  const models = parts.flatMap((part) => part.models.map(({ model }) => model));
  for (const { upstream } of new Set(models)) await upstream.close?.();
}

async function samplePart(
  { settings, store, signal, events }: FuseContext,
  stage: StageName,
  part: SamplingPart,
  budget: Partial<Spending>,
): Promise<void> {
  const { promptKeys, models } = part;
  const { concurrency, leaseSeconds } = settings.sampling;
  const { models: ends } = await sample({
    ...{ store, models, budget, signal },
    prompts: { keys: promptKeys },
    seed: settings.seed,
    maxConcurrency: concurrency,
    leaseMs: leaseSeconds * 1000,
    onProgress: ({ done, total, spent, failures }) => {
      const failed = Object.entries(failures).map(([code, count]) => `${count} ${code}`);
      events.onProgress?.({
        ...{ stage, part: labelOf(part), done, total, unit: "answers" },
        note: [`$${spent.usd.toFixed(4)}`, `${spent.tokens} tokens`, ...failed].join("  "),
      });
    },
  });
  for (const { end } of ends) throwUnlessDone(end, "answers");
}

/** @throws {TuttiError} unless the work came to its end */
export function throwUnlessDone(end: JobEnd, what: string): void {
  if (end === "done") return;
  if (end === "interrupted") {
    throw new TuttiError("INTERRUPTED", "stopped; the same command goes on where it stopped");
  }
  if (end === "cancelled") {
    throw new TuttiError("INTERRUPTED", `the batches of ${what} were cancelled`, {
      hint: "the same command asks for what is missing",
    });
  }
  if (end !== "budget") throw end;
  throw new TuttiError("BUDGET_EXHAUSTED", `the budget is spent, and ${what} are missing`, {
    hint: "raise the budget in the fuse file and give the same command again",
  });
}

function requireAnswers(domain: string, { models }: SampledPart, failuresAllowed: number): void {
  for (const [model, { wanted, statuses }] of Object.entries(models)) {
    const got = Object.entries(statuses).reduce((sum, [status, count]) => {
      return status === "error" ? sum : sum + (count ?? 0);
    }, 0);
    if (wanted - got <= failuresAllowed * wanted) continue;
    throw new TuttiError(
      "UPSTREAM_FAILED",
      `domain "${domain}": ${wanted - got} of ${wanted} answers of ${model} failed`,
      {
        details: { domain, model, wanted, got },
        hint: "the same command tries them again; sampling.failuresAllowed of the fuse file lets more of them fail",
      },
    );
  }
}
