/** The selector of triples for WRPO: a model's own best and worst answer, and the best one of the others. */
import { bestOf, drop } from "./eligible.ts";
import type { JudgedGroup, ScoredAnswer } from "./group.ts";
import {
  ANY_GAP,
  checkWindow,
  eligibleForPairs,
  extremes,
  faultOf,
  type GapWindow,
  windowOptions,
} from "./pair-selectors.ts";
import type { Decision, Selector } from "./selector.ts";

export interface WrpoOptions {
  /** Name of the model that is to be trained, as its answers have it. */
  readonly target: string;
  /** Of the target's two answers. */
  readonly gap?: GapWindow;
  /** Whether the target's chosen answer and the source's must be verified correct and the rejected one wrong. @default false */
  readonly isVerified?: boolean;
}

/** A triple, or why there is none. */
type Triple =
  | { readonly chosen: ScoredAnswer; readonly rejected: ScoredAnswer; readonly source: ScoredAnswer }
  | { readonly reason: string };

function tripleOf(
  usable: readonly ScoredAnswer[],
  { target, gap, isVerified }: Required<WrpoOptions>,
): Triple {
  const own = usable.filter(({ source }) => source === target);
  if (own.length === 0) return { reason: "no_target" };
  const pair = extremes(own, isVerified);
  if ("reason" in pair) return pair;
  const reason = faultOf(pair, gap);
  if (reason !== undefined) return { reason };
  const source = bestOf(
    usable.filter(({ source: model, isCorrect }) => model !== target && (!isVerified || isCorrect === true)),
  );
  if (source === undefined) return { reason: "no_source" };
  const { chosen, rejected } = pair;
  if (source.score <= rejected.score) return { reason: "source_not_better" };
  if (source.text === chosen.text || source.text === rejected.text) return { reason: "same_text" };
  return { chosen, rejected, source };
}

/**
 * y_wt and y_l, best and worst answer of the target, and y_ws, the best of all other models. The paper samples the target after its
 * fine-tuning. A source's answer must score above y_l, not above y_wt.
 *
 * Kept as `wrpo`; a prompt without a triple drops all its answers as `no_target`, `no_rival`, `none_correct`, `none_wrong`,
 * `gap_too_small`, `gap_too_large`, `same_text`, `no_source` or `source_not_better`; one answer as `not_extreme`, `not_scored`,
 * `not_judged` or by status.
 *
 * @see WRPO, arXiv 2412.03187, section 3.1
 */
export function wrpoTriples({ target, gap = ANY_GAP, isVerified = false }: WrpoOptions): Selector {
  checkWindow(gap);
  return {
    name: "wrpo",
    options: { ...windowOptions(gap), isVerified, target },
    gives: "pairs",
    decide({ answers }: JudgedGroup): readonly Decision[] {
      const { answers: usable, drops } = eligibleForPairs(answers, isVerified);
      const triple = tripleOf(usable, { target, gap, isVerified });
      if ("reason" in triple) return [...usable.map((answer) => drop(answer, triple.reason)), ...drops];
      const { chosen, rejected, source } = triple;
      const others = usable.filter((answer) => answer !== chosen && answer !== rejected && answer !== source);
      return [
        { answer: chosen, rejected, sourceChosen: source, isKept: true, reason: "wrpo" },
        ...others.map((answer) => drop(answer, "not_extreme")),
        ...drops,
      ];
    },
  };
}
