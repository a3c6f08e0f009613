/** What is to be judged: one job a judge and choice of answers, its items and their keys. Every process comes to the same. */
import { createHash } from "node:crypto";
import {
  canonicalJson,
  type JsonObject,
  type JudgedStore,
  type JudgementRow,
  judgementKey,
  type PromptRow,
  RESPONSE_STATUSES,
  type ResponseFilter,
  type ResponseRow,
  type Spending,
} from "../../judged/index.ts";
import { groupedBy } from "../../support/grouped-by.ts";
import type { Judge, PairJudge, Verdict } from "../judge.ts";

/** Which answers; all where nothing is given. `keys` and `sources` are of the answers, `domains` and `splits` of their prompts. */
export type JudgingFilter = Pick<ResponseFilter, "domains" | "splits" | "sources" | "models" | "keys">;

export interface JudgingScope {
  readonly answers: JudgingFilter;
  /** Of comparisons: every answer meets those of this model only. @default those of every other model */
  readonly against?: string | undefined;
}

export interface JudgingJob extends JudgingScope {
  readonly judge: Judge | PairJudge;
  /** Name in the work queue, and source of the verdicts. */
  readonly name: string;
}

/** An answer that is to be judged, or two that are to be compared. */
export type Assessed = readonly [ResponseRow, ...ResponseRow[]];

/** What a job is about, and how much of it there is nothing to say. */
export interface Enqueued {
  /** Verdicts that the job wants. */
  readonly wanted: number;
  /** Answers to prompts that the judge cannot judge, for want of a reference for instance. */
  readonly leftOut: number;
}

const NAME_DIGITS = 12;
const ROWS_AT_A_TIME = 256;
/** Fewer than rows: every answer to each of them is held. */
const PROMPTS_AT_A_TIME = 64;
/** A call that failed is no answer. */
const ANSWERS = RESPONSE_STATUSES.filter((status) => status !== "error");

export const isPairJudge = (judge: Judge | PairJudge): judge is PairJudge => "compare" in judge;

export function planJob(judge: Judge | PairJudge, scope: JudgingScope): JudgingJob {
  const { answers, against = null } = scope;
  const described = canonicalJson([answers as JsonObject, against]);
  const digest = createHash("sha256").update(described).digest("hex").slice(0, NAME_DIGITS);
  return { ...scope, judge, name: `judge:${judge.name}@${judge.version}:${digest}` };
}

export const itemText = (answers: Assessed): string => answers.map(({ key }) => key).join("/");

/** Keys of the answer or answers. */
export const parseItem = (item: string): readonly string[] => item.split("/");

export function keyOf(
  { judge: { name, version } }: JudgingJob,
  [responseKey, rivalKey]: readonly string[],
): string {
  return judgementKey({
    responseKey: responseKey!,
    ...(rivalKey !== undefined && { rivalKey }),
    judge: name,
    judgeVersion: version,
  });
}

/** The row of a verdict. Tokens have no column: they stand in the explanation. */
export function rowOf(job: JudgingJob, item: string, verdict: Verdict, createdAt: string): JudgementRow {
  const [responseKey, rivalKey] = parseItem(item);
  const { score, explanation, costUsd, tokens } = verdict;
  return {
    key: keyOf(job, parseItem(item)),
    responseKey: responseKey!,
    ...(rivalKey !== undefined && { rivalKey }),
    judge: job.judge.name,
    judgeVersion: job.judge.version,
    score,
    verdict: verdict.verdict,
    explanation: { ...explanation, ...(tokens !== undefined && { tokens }) },
    ...(costUsd !== undefined && { costUsd }),
    source: job.name,
    createdAt,
  };
}

/**
 * Puts what is missing into the work queue; items that failed before are opened again. Stops early, with what there is, when the
 * signal aborts.
 */
export async function enqueue(store: JudgedStore, job: JudgingJob, signal: AbortSignal): Promise<Enqueued> {
  await store.work.reopen(job.name);
  let [wanted, leftOut] = [0, 0];
  const batches = isPairJudge(job.judge) ? pairs(store, job) : singles(store, job);
  for await (const { prompts, assessed } of batches) {
    if (signal.aborted) break;
    const isFit = new Map(prompts.map((row) => [row.key, job.judge.canJudge?.(row) ?? true]));
    const fit = assessed.filter(([{ promptKey }]) => isFit.get(promptKey));
    wanted += fit.length;
    leftOut += assessed.length - fit.length;
    const items = fit.map(itemText);
    const keys = items.map((item) => keyOf(job, parseItem(item)));
    const existing = await store.existing("judgements", keys);
    const missing = items.filter((_, index) => !existing.has(keys[index]!));
    if (missing.length > 0) await store.work.add(job.name, missing);
  }
  return { wanted, leftOut };
}

interface Batch {
  readonly prompts: readonly PromptRow[];
  readonly assessed: readonly Assessed[];
}

async function* singles(store: JudgedStore, { answers }: JudgingJob): AsyncGenerator<Batch> {
  for await (const rows of inBatches(store.responses({ ...answers, statuses: ANSWERS }), ROWS_AT_A_TIME)) {
    const promptKeys = [...new Set(rows.map(({ promptKey }) => promptKey))];
    const prompts = await collected(store.prompts({ keys: promptKeys }));
    yield { prompts, assessed: rows.map((row) => [row]) };
  }
}

async function* pairs(store: JudgedStore, { answers, against }: JudgingJob): AsyncGenerator<Batch> {
  const { domains, splits, ...own } = answers;
  const filter = { ...(domains && { domains }), ...(splits && { splits }) };
  for await (const prompts of inBatches(store.prompts(filter), PROMPTS_AT_A_TIME)) {
    const promptKeys = prompts.map(({ key }) => key);
    const rows = await collected(store.responses({ ...own, promptKeys, statuses: ANSWERS }));
    const byPrompt = groupedBy(rows, ({ promptKey }) => promptKey);
    yield { prompts, assessed: [...byPrompt.values()].flatMap((some) => pairsOf(some, against)) };
  }
}

/**
 * Answers of two models with the same seed index, the model that comes first in the alphabet first, so that a pair has one key
 * however it was asked for.
 */
function pairsOf(rows: readonly ResponseRow[], against: string | undefined): Assessed[] {
  const inOrder = [...rows].sort((a, b) => compare(a.model, b.model) || compare(a.key, b.key));
  return inOrder.flatMap((first, index) =>
    inOrder
      .slice(index + 1)
      .filter((second) => second.model !== first.model && second.seedIndex === first.seedIndex)
      .filter((second) => against === undefined || [first.model, second.model].includes(against))
      .map((second): Assessed => [first, second]),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function* inBatches<Row>(rows: AsyncIterable<Row>, size: number): AsyncGenerator<Row[]> {
  let batch: Row[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

export async function collected<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

/** What a kept verdict cost. */
export function spentOn({ costUsd = 0, explanation }: JudgementRow): Spending {
  const { tokens } = explanation;
  return { usd: costUsd, tokens: typeof tokens === "number" ? tokens : 0 };
}
