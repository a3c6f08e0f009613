/** Which answers a selector looks at at all. */
import type { GroupedAnswer } from "./group.ts";
import type { Decision } from "./selector.ts";

export interface Eligible<Answer extends GroupedAnswer> {
  readonly answers: readonly Answer[];
  readonly drops: readonly Decision[];
}

export const drop = (answer: GroupedAnswer, reason: string): Decision => ({ answer, isKept: false, reason });

export const keep = (answer: GroupedAnswer, reason: string): Decision => ({ answer, isKept: true, reason });

/**
 * Parts whole answers (status "ok") that have what the selector needs from the rest, which is dropped as `truncated`,
 * `empty`, `refusal`, `filtered` or `error`, or for the reason given.
 */
export function eligible<Answer extends GroupedAnswer>(
  answers: readonly GroupedAnswer[],
  needs: (answer: GroupedAnswer) => answer is Answer,
  reason: string,
): Eligible<Answer> {
  const kept: Answer[] = [];
  const drops: Decision[] = [];
  for (const answer of answers) {
    if (answer.status !== "ok") drops.push(drop(answer, answer.status));
    else if (needs(answer)) kept.push(answer);
    else drops.push(drop(answer, reason));
  }
  return { answers: kept, drops };
}

/** Index of the largest value, the first of equals; -1 of none. */
export function indexOfMost(values: readonly number[]): number {
  let best = -1;
  for (const [index, value] of values.entries()) if (best < 0 || value > values[best]!) best = index;
  return best;
}

/** The answer of highest score, the earliest of equals. */
export function bestOf<Answer extends { readonly score: number }>(
  answers: readonly Answer[],
): Answer | undefined {
  return answers[indexOfMost(answers.map(({ score }) => score))];
}

/** The answer of lowest score, the earliest of equals. */
export function worstOf<Answer extends { readonly score: number }>(
  answers: readonly Answer[],
): Answer | undefined {
  return answers[indexOfMost(answers.map(({ score }) => -score))];
}
