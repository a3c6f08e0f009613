/** Prompts of a store together with their responses and judgements, streamed. */
import { groupedBy } from "../support/grouped-by.ts";
import { isOfJudge } from "./newest-judgements.ts";
import type { JudgementRow, PromptRow, ResponseRow } from "./store/rows.ts";
import type { JudgedStore, PromptFilter, ResponseFilter } from "./store/store.ts";

export type JudgedPromptFilter = PromptFilter & Pick<ResponseFilter, "models">;

export interface JudgedPrompt {
  readonly prompt: PromptRow;
  /** By model, then by sample. */
  readonly responses: readonly ResponseRow[];
  /** Of the named judges, on these responses. */
  readonly judgements: readonly JudgementRow[];
}

/** Prompts whose answers are held at a time. */
const PROMPTS_PER_BATCH = 256;

async function* batches<Row>(rows: AsyncIterable<Row>): AsyncGenerator<Row[]> {
  let batch: Row[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < PROMPTS_PER_BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function collected<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

/** Whatever the order of keys in the store. */
const inSampleOrder = (a: ResponseRow, b: ResponseRow): number =>
  (a.model < b.model ? -1 : a.model > b.model ? 1 : 0) ||
  a.seedIndex - b.seedIndex ||
  (a.key < b.key ? -1 : 1);

/**
 * A few hundred prompts are held at a time, whatever the size of the store.
 *
 * @param judges names, or `NAME@VERSION` for one version of a judge
 */
export async function* judgedPrompts(
  store: JudgedStore,
  judges: readonly string[],
  { models, ...filter }: JudgedPromptFilter = {},
): AsyncGenerator<JudgedPrompt> {
  const named = judges.flatMap((judge) => [judge, judge.replace(/@[^@]*$/, "")]);
  for await (const prompts of batches(store.prompts(filter))) {
    const own = { promptKeys: prompts.map(({ key }) => key), ...(models && { models }) };
    const responses = groupedBy(await collected(store.responses(own)), ({ promptKey }) => promptKey);
    const rows = await collected(store.judgements({ ...own, judges: named }));
    const judgements = groupedBy(
      rows.filter((row) => judges.some((judge) => isOfJudge(row, judge))),
      ({ responseKey }) => responseKey,
    );
    for (const prompt of prompts) {
      const answers = [...(responses.get(prompt.key) ?? [])].sort(inSampleOrder);
      yield {
        prompt,
        responses: answers,
        judgements: answers.flatMap((row) => judgements.get(row.key) ?? []),
      };
    }
  }
}
