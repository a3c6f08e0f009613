/** Comparisons by judges in one shape, whichever answer each was shown first. */
import type { JsonObject, JudgementRow, ResponseRow } from "../../judged/index.ts";

export interface ComparedAnswer {
  readonly key: string;
  readonly model: string;
  readonly text: string;
}

/** One showing: which answer stood first, and its share of the win as judged then. */
export interface ComparedGame {
  readonly isFirstShownFirst: boolean;
  /** Share of the win of the answer called `first` in the comparison. */
  readonly outcome: number;
}

/** Answers are ordered by key, so that different judges' comparisons of a pair meet. */
export interface Comparison {
  readonly judge: string;
  readonly promptKey: string;
  readonly first: ComparedAnswer;
  readonly second: ComparedAnswer;
  /** Share of the win of `first`. */
  readonly outcome: number;
  readonly games: readonly ComparedGame[];
}

/** Key of the pair, the same for every judge. */
export const pairOf = ({ first, second }: Comparison): string => `${first.key} ${second.key}`;

function gamesOf({ games }: JsonObject, isTurned: boolean): ComparedGame[] {
  if (!Array.isArray(games)) return [];
  return (games as readonly JsonObject[]).flatMap(({ order, outcome }) => {
    if (typeof outcome !== "number" || (order !== "given" && order !== "swapped")) return [];
    const isGivenShownFirst = order === "given";
    return [
      {
        isFirstShownFirst: isGivenShownFirst !== isTurned,
        outcome: isTurned ? 1 - outcome : outcome,
      },
    ];
  });
}

/** Comparisons with a verdict, out of the rows of a store; rows about unknown responses are left out. */
export function comparisonsOf(
  judgements: Iterable<JudgementRow>,
  responses: ReadonlyMap<string, ResponseRow>,
): Comparison[] {
  const comparisons: Comparison[] = [];
  for (const { judge, responseKey, rivalKey, score, explanation } of judgements) {
    const [own, rival] = [responses.get(responseKey), responses.get(rivalKey ?? "")];
    if (score === null || own === undefined || rival === undefined) continue;
    const isTurned = responseKey > rival.key;
    const [first, second] = isTurned ? [rival, own] : [own, rival];
    comparisons.push({
      judge,
      promptKey: own.promptKey,
      first,
      second,
      outcome: isTurned ? 1 - score : score,
      games: gamesOf(explanation, isTurned),
    });
  }
  return comparisons;
}
