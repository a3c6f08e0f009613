/** What is to be sampled: jobs, their items, keys and seeds. Everything follows from the settings, so every process agrees. */
import { createHash } from "node:crypto";
import {
  canonicalJson,
  type JsonObject,
  type JudgedStore,
  type PromptFilter,
  type PromptRow,
  type ResponseRow,
  responseKey,
} from "../../judged/index.ts";
import { withDefaults } from "../default-parameters.ts";
import { responseIdentity } from "../model-identity.ts";
import type { PoolModel } from "../pool.ts";

/** How one model is sampled. */
export interface ModelSampling {
  readonly model: PoolModel;
  /** Answers to each prompt. */
  readonly samples: number;
  /** Over those of the pool file. */
  readonly parameters: JsonObject;
}

export interface SamplingScope {
  /** Which prompts of the store; all where nothing is given. */
  readonly prompts: PromptFilter;
  /** Of the job: another one gives other seeds. */
  readonly seed: number;
}

/** One model's part of the work, with all that the rows of its answers share. */
export interface SamplingJob extends ModelSampling {
  /** Name in the work queue. */
  readonly name: string;
  readonly seed: number;
  readonly modelRevision: string;
  readonly template: string;
  /** As sent, without the seed. */
  readonly parameters: JsonObject;
}

const NAME_DIGITS = 12;
const PROMPTS_AT_A_TIME = 256;

/** Opens no model; local models are hashed. */
export async function planJob(sampling: ModelSampling, scope: SamplingScope): Promise<SamplingJob> {
  const { model } = sampling;
  const { modelRevision, template } = await responseIdentity(model);
  const { seed: _, ...parameters } = withDefaults(model.parameters ?? {}, sampling.parameters) as JsonObject;
  const { prompts, seed } = scope;
  const described = canonicalJson([
    modelRevision,
    template,
    parameters,
    seed,
    prompts as unknown as JsonObject,
  ]);
  const digest = createHash("sha256").update(described).digest("hex").slice(0, NAME_DIGITS);
  return {
    ...sampling,
    name: `sample:${model.name}:${digest}`,
    seed,
    modelRevision,
    template,
    parameters,
  };
}

/** Key of the response that an item is about. */
export function keyOf(job: SamplingJob, promptKey: string, seedIndex: number): string {
  const { modelRevision, template, parameters } = job;
  return responseKey({ promptKey, model: job.model.name, modelRevision, template, parameters, seedIndex });
}

export interface SampleItem {
  readonly promptKey: string;
  readonly seedIndex: number;
}

export const itemText = ({ promptKey, seedIndex }: SampleItem): string => `${promptKey}/${seedIndex}`;

export function parseItem(text: string): SampleItem {
  const [promptKey = "", seedIndex] = text.split("/");
  return { promptKey, seedIndex: Number(seedIndex) };
}

/**
 * The seed of a sample: SHA-256 of job seed, prompt, model and seed index, 31 bits, so that every server's integer type holds it.
 */
export function seedOf(job: SamplingJob, { promptKey, seedIndex }: SampleItem): number {
  const text = canonicalJson([job.seed, promptKey, job.model.name, seedIndex]);
  return createHash("sha256").update(text).digest().readUInt32BE(0) >>> 1;
}

/**
 * Puts what is missing into the work queue; items that failed before are opened again.
 *
 * @returns how many answers the job wants in all
 */
export async function enqueue(
  store: JudgedStore,
  job: SamplingJob,
  prompts: PromptFilter,
  signal: AbortSignal,
): Promise<number> {
  await store.work.reopen(job.name);
  let wanted = 0;
  const add = async (rows: readonly PromptRow[]): Promise<void> => {
    const items = rows.flatMap(({ key: promptKey }) =>
      Array.from({ length: job.samples }, (_, seedIndex) => ({ promptKey, seedIndex })),
    );
    wanted += items.length;
    const keys = items.map((item) => keyOf(job, item.promptKey, item.seedIndex));
    const existing = await store.existing("responses", keys);
    const missing = items.filter((_, index) => !existing.has(keys[index]!));
    if (missing.length > 0) await store.work.add(job.name, missing.map(itemText));
  };
  let batch: PromptRow[] = [];
  for await (const row of store.prompts(prompts)) {
    signal.throwIfAborted();
    batch.push(row);
    if (batch.length < PROMPTS_AT_A_TIME) continue;
    await add(batch);
    batch = [];
  }
  if (batch.length > 0) await add(batch);
  return wanted;
}

/** The row of an answer, but for what the answer says. */
export function rowBase(
  job: SamplingJob,
  { promptKey, seedIndex }: SampleItem,
  createdAt: string,
): Omit<ResponseRow, "text" | "status"> {
  return {
    key: keyOf(job, promptKey, seedIndex),
    promptKey,
    model: job.model.name,
    modelRevision: job.modelRevision,
    template: job.template,
    parameters: job.parameters,
    seedIndex,
    source: job.name,
    createdAt,
  };
}
