/** What exports ask of a prompt's answers and judgements. */
import type { JudgementRow, ResponseRow } from "../store/rows.ts";
import type { PromptEntry, WriteOptions } from "./format.ts";

/** Answers that may be written, those of the named models in their order. */
export function answersOf({ responses }: PromptEntry, { models }: WriteOptions): readonly ResponseRow[] {
  const answered = responses.filter(({ status }) => status !== "error");
  if (models === undefined) return answered;
  return models.flatMap((name) => answered.filter(({ model }) => model === name));
}

/** The score of each answer by the judge meant, where there is one. */
export function scoresOf(
  { judgements }: PromptEntry,
  { judge }: WriteOptions,
): ReadonlyMap<string, JudgementRow> {
  const found = new Map<string, JudgementRow>();
  for (const row of judgements) {
    if (row.rivalKey !== undefined || row.score === null) continue;
    if (judge !== undefined && row.judge !== judge) continue;
    if (!found.has(row.responseKey)) found.set(row.responseKey, row);
  }
  return found;
}

export interface JudgedPair {
  readonly chosen: ResponseRow;
  readonly rejected: ResponseRow;
  readonly judgement: JudgementRow;
}

/** The verdict of a source model's answer that is better than an answer of the model to train. */
export const SOURCE_CHOSEN = "source_chosen";

/** Pairs that a judge decided, the better answer first; ties are left out. */
export function pairsOf(entry: PromptEntry, options: WriteOptions): readonly JudgedPair[] {
  const answers = new Map(answersOf(entry, options).map((row) => [row.key, row]));
  return entry.judgements.flatMap((judgement): JudgedPair[] => {
    if (options.judge !== undefined && judgement.judge !== options.judge) return [];
    const first = answers.get(judgement.responseKey);
    const second = answers.get(judgement.rivalKey ?? "");
    if (first === undefined || second === undefined || judgement.score === null || judgement.score === 0.5)
      return [];
    const [chosen, rejected] = judgement.score > 0.5 ? [first, second] : [second, first];
    return [{ chosen, rejected, judgement }];
  });
}

/**
 * Pairs of the model to train, each with the answer of a source model that is better than the same rejected one: WRPO's triples.
 * Pairs without such an answer have none, and such an answer without a pair is the chosen one of its own.
 */
export function withSources(
  pairs: readonly JudgedPair[],
): readonly (JudgedPair & { readonly source?: ResponseRow })[] {
  const isSource = ({ judgement }: JudgedPair): boolean => judgement.verdict === SOURCE_CHOSEN;
  const sources = pairs.filter(isSource);
  const own = pairs.filter((pair) => !isSource(pair));
  const isLone = ({ rejected }: JudgedPair): boolean => !own.some((pair) => pair.rejected === rejected);
  return [
    ...own.flatMap((pair) => {
      const found = sources.filter(({ rejected }) => rejected === pair.rejected);
      return found.length === 0 ? [pair] : found.map(({ chosen }) => ({ ...pair, source: chosen }));
    }),
    ...sources.filter(isLone),
  ];
}
