/** Groups for selectors out of a store: responses with what the named judges said. */
import { TuttiError } from "../../support/errors.ts";
import type { JudgementRow, PromptRow, ResponseRow } from "../store/rows.ts";
import type { JudgedStore, PromptFilter, ResponseFilter } from "../store/store.ts";
import { type GroupedAnswer, groupedBy, type JudgedGroup } from "./group.ts";

export interface StoreJudges {
  /** Judge whose score counts; without it no answer is scored. */
  readonly scorer?: string;
  /** Judge whose score, from `correctAt` on, means correct; without it no answer is verified. */
  readonly verifier?: string;
  /** @default 1 */
  readonly correctAt?: number;
}

export interface StoreGroupsOptions extends StoreJudges {
  readonly filter?: PromptFilter & Pick<ResponseFilter, "models">;
}

/** Prompts whose answers are held at a time. */
const PROMPTS_PER_BATCH = 256;

async function* batches<Row>(rows: AsyncIterable<Row>, size: number): AsyncGenerator<Row[]> {
  let batch: Row[] = [];
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** The newest judgement of each judge on each response: versions of a judge do not mix. */
function verdictsOf(judgements: readonly JudgementRow[], responseKey: string, judge: string | undefined) {
  return judgements
    .filter((row) => row.responseKey === responseKey && row.judge === judge && row.rivalKey === undefined)
    .reduce<JudgementRow | undefined>(
      (newest, row) => (newest === undefined || row.createdAt > newest.createdAt ? row : newest),
      undefined,
    );
}

/** What verifiers write down as the answer that they read. */
function finalAnswerOf(verdict: JudgementRow | undefined): string | null {
  const { extracted, answer } = verdict?.explanation ?? {};
  const found = extracted ?? answer;
  return typeof found === "string" && found !== "" ? found : null;
}

/** Puts one response and its judgements into the shape that selectors read. */
export function groupedAnswer(
  response: ResponseRow,
  judgements: readonly JudgementRow[],
  { scorer, verifier, correctAt = 1 }: StoreJudges,
): GroupedAnswer {
  const score = verdictsOf(judgements, response.key, scorer)?.score ?? null;
  const verdict = verdictsOf(judgements, response.key, verifier);
  const { completionTokens, logProbability } = response;
  return {
    key: response.key,
    source: response.model,
    text: response.text,
    status: response.status,
    score,
    isCorrect: verdict === undefined || verdict.score === null ? null : verdict.score >= correctAt,
    finalAnswer: finalAnswerOf(verdict),
    ...(completionTokens !== undefined && { tokens: completionTokens }),
    ...(logProbability !== undefined && { logProbability }),
  };
}

/** By model and then by sample, whatever the order of keys in the store. */
const inSampleOrder = (a: ResponseRow, b: ResponseRow): number =>
  (a.model < b.model ? -1 : a.model > b.model ? 1 : 0) ||
  a.seedIndex - b.seedIndex ||
  (a.key < b.key ? -1 : 1);

/**
 * One group a prompt, streamed: a few hundred prompts are held at a time. A verifier's final answer is `extracted` or
 * `answer` of its explanation.
 *
 * @throws {TuttiError} INVALID_ARGUMENT without scorer and verifier, STORE_*
 */
export async function* groupsOfStore(
  store: JudgedStore,
  { filter = {}, ...judges }: StoreGroupsOptions,
): AsyncGenerator<JudgedGroup> {
  const names = [judges.scorer, judges.verifier].filter((name) => name !== undefined);
  if (names.length === 0) {
    throw new TuttiError("INVALID_ARGUMENT", "judges: received none, expected a scorer or a verifier", {
      hint: "name a judge whose judgements the store holds; tutti store stats lists them",
    });
  }
  const { models, ...promptFilter } = filter;
  for await (const prompts of batches(store.prompts(promptFilter), PROMPTS_PER_BATCH)) {
    const own = { keys: prompts.map(({ key }) => key), ...(models && { models }) };
    const responses = groupedBy(await collected(store.responses(own)), ({ promptKey }) => promptKey);
    const judgements = groupedBy(
      await collected(store.judgements({ ...own, judges: names })),
      ({ responseKey }) => responseKey,
    );
    for (const prompt of prompts) {
      const rows = [...(responses.get(prompt.key) ?? [])].sort(inSampleOrder);
      yield groupOf(
        prompt,
        rows.map((row) => groupedAnswer(row, judgements.get(row.key) ?? [], judges)),
      );
    }
  }
}

const groupOf = ({ key, id, domain, messages }: PromptRow, answers: GroupedAnswer[]): JudgedGroup => ({
  promptKey: key,
  id,
  domain,
  messages,
  answers,
});

async function collected<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}
