/** From items of a sampling job to what the model is asked. */
import type { FinishedItem, JudgedStore, PromptRow, Spending } from "../../judged/index.ts";
import { costUsd, estimateTokens, type ModelPricing } from "../pricing.ts";
import { type ChatRequest, type ChatTurn, turnText } from "../upstream.ts";
import { keyOf, parseItem, type SamplingJob, seedOf } from "./plan.ts";
import type { Tally } from "./tally.ts";

/** An item that is to be answered. */
export interface Asked {
  readonly item: string;
  readonly prompt: PromptRow;
}

/** Expected of an answer before any is known, where nothing limits it. */
const USUAL_ANSWER_TOKENS = 1024;

export const turnsOf = ({ messages }: PromptRow): ChatTurn[] =>
  messages.map(({ role, content }) => ({ role, content }));

/** Reads the prompts of items; those whose answers the store has by now, or whose prompts it lacks, are settled. */
export async function readItems(
  store: JudgedStore,
  job: SamplingJob,
  items: readonly string[],
): Promise<{ readonly ready: readonly Asked[]; readonly settled: readonly FinishedItem[] }> {
  const parsed = items.map((item) => ({ item, ...parseItem(item) }));
  const keyed = parsed.map((part) => ({ ...part, key: keyOf(job, part.promptKey, part.seedIndex) }));
  const existing = await store.existing(
    "responses",
    keyed.map(({ key }) => key),
  );
  const prompts = new Map<string, PromptRow>();
  const promptKeys = [...new Set(parsed.map(({ promptKey }) => promptKey))];
  for await (const row of store.prompts({ keys: promptKeys })) prompts.set(row.key, row);
  const ready: Asked[] = [];
  const settled: FinishedItem[] = [];
  for (const { item, key, promptKey } of keyed) {
    const prompt = prompts.get(promptKey);
    if (existing.has(key)) settled.push({ item });
    // A prompt that was taken out of the store since needs no answers.
    else if (prompt === undefined) settled.push({ item, isFailed: true });
    else ready.push({ item, prompt });
  }
  return { ready, settled };
}

/** The most that an answer may cost, or what one usually costs where nothing limits it. */
export function mostSpent(
  { parameters }: SamplingJob,
  prompt: PromptRow,
  { pricing, tally }: { readonly pricing: ModelPricing; readonly tally: Tally },
): Spending {
  const limit = parameters.max_completion_tokens ?? parameters.max_tokens;
  const { answers, completionTokens } = tally;
  const usual = answers === 0 ? USUAL_ANSWER_TOKENS : Math.ceil(completionTokens / answers);
  const answerTokens = typeof limit === "number" ? limit : usual;
  const promptTokens = estimateTokens(turnsOf(prompt).map(turnText).join("\n"));
  return {
    usd: costUsd(pricing, promptTokens, answerTokens),
    tokens: promptTokens + answerTokens,
  };
}

export function requestOf(job: SamplingJob, { item, prompt }: Asked): ChatRequest {
  const { model, parameters } = job;
  const hasSeed = model.supportsSeed !== false;
  return {
    messages: turnsOf(prompt),
    parameters: { ...parameters, ...(hasSeed && { seed: seedOf(job, parseItem(item)) }) },
  };
}
