/** Selectors that keep pairs of a chosen and a rejected answer. */
import { TuttiError } from "../../support/errors.ts";
import { groupedBy } from "../../support/grouped-by.ts";
import { bestOf, drop, eligible, indexOfMost, worstOf } from "./eligible.ts";
import { type GroupedAnswer, isScored, lengthsOf, type ScoredAnswer } from "./group.ts";
import type { Decision, Selector } from "./selector.ts";

/** What the scores of a pair may differ by. FuseChat-3.0 takes 0.01 to 0.1 for ArmoRM's scores. */
export interface GapWindow {
  /** @default 0; a gap of 0 is never kept */
  readonly least: number;
  /** @default no limit */
  readonly most: number;
}

export const ANY_GAP: GapWindow = { least: 0, most: Number.POSITIVE_INFINITY };

/** A number of JSON: no limit is null there. */
export const windowOptions = ({ least, most }: GapWindow) => ({
  leastGap: least,
  mostGap: Number.isFinite(most) ? most : null,
});

export function checkWindow({ least, most }: GapWindow): void {
  if (least >= 0 && most >= least) return;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `score gap: received ${least} to ${most}, expected 0 <= least <= most`,
    {
      details: { least, most },
      hint: "FuseChat-3.0 keeps gaps of 0.01 to 0.1 in the scores of its reward model",
    },
  );
}

interface Pair {
  readonly chosen: ScoredAnswer;
  readonly rejected: ScoredAnswer;
  readonly gap: number;
}

/** A pair, or why there is none. */
type Candidate = Pair | { readonly reason: string };

function pairOf(chosen: ScoredAnswer | undefined, rejected: ScoredAnswer | undefined): Candidate {
  if (chosen === undefined || rejected === undefined || chosen === rejected) return { reason: "no_rival" };
  return { chosen, rejected, gap: chosen.score - rejected.score };
}

/** Why a pair is not kept; undefined when it may be. */
export function faultOf({ chosen, rejected, gap }: Pair, { least, most }: GapWindow): string | undefined {
  if (chosen.text === rejected.text) return "same_text";
  if (gap <= 0 || gap < least) return "gap_too_small";
  if (gap > most) return "gap_too_large";
  return undefined;
}

const pairDecision = ({ chosen, rejected }: Pair, isKept: boolean, reason: string): Decision => ({
  answer: chosen,
  rejected,
  isKept,
  reason,
});

/** A pair's decision, and one for each of the other answers it was taken from. */
function decided(
  candidates: readonly GroupedAnswer[],
  pair: Pair,
  isKept: boolean,
  reason: string,
): Decision[] {
  const others = candidates.filter((answer) => answer !== pair.chosen && answer !== pair.rejected);
  return [pairDecision(pair, isKept, reason), ...others.map((answer) => drop(answer, "not_extreme"))];
}

/** The pair of a set of scored answers: best and worst, or best correct and worst wrong. */
export function extremes(answers: readonly ScoredAnswer[], isVerified: boolean): Candidate {
  if (!isVerified) return pairOf(bestOf(answers), worstOf(answers));
  const correct = answers.filter(({ isCorrect }) => isCorrect === true);
  const wrong = answers.filter(({ isCorrect }) => isCorrect === false);
  if (correct.length === 0) return { reason: "none_correct" };
  if (wrong.length === 0) return { reason: "none_wrong" };
  return pairOf(bestOf(correct), worstOf(wrong));
}

type Needed = (answer: GroupedAnswer) => answer is ScoredAnswer;

const isScoredAndVerified: Needed = (answer): answer is ScoredAnswer =>
  isScored(answer) && answer.isCorrect !== null;

export const eligibleForPairs = (answers: readonly GroupedAnswer[], isVerified: boolean) =>
  isVerified
    ? eligible(answers, isScoredAndVerified, "not_judged")
    : eligible(answers, isScored, "not_scored");

export interface SameSourceOptions {
  readonly gap?: GapWindow;
  /** Whether the chosen answer must be verified correct and the rejected one wrong. @default false */
  readonly isVerified?: boolean;
  /**
   * Which source gives the pair where several could: the one with the largest gap inside the window, the first one in the
   * order of the answers, or every one. @default "largest-gap"
   */
  readonly sources?: "largest-gap" | "first" | "all";
}

/**
 * Best against worst answer of one and the same source, so that the pair does not teach differences of style between
 * sources (FuseChat-3.0; for verified domains best correct against worst wrong).
 *
 * Kept as `same_source`; dropped as `gap_too_small`, `gap_too_large`, `same_text`, `other_source` (a pair that lost to
 * another source's), `no_rival`, `none_correct`, `none_wrong`, `not_extreme`, `not_scored`, `not_judged` or by status.
 */
export function sameSourcePairs({
  gap = ANY_GAP,
  isVerified = false,
  sources = "largest-gap",
}: SameSourceOptions = {}): Selector {
  checkWindow(gap);
  return {
    name: "same-source",
    options: { ...windowOptions(gap), isVerified, sources },
    gives: "pairs",
    decide({ answers }) {
      const { answers: usable, drops } = eligibleForPairs(answers, isVerified);
      const bySource = [...groupedBy(usable, ({ source }) => source).values()].map((members) => {
        const pair = extremes(members, isVerified);
        return { members, pair, fault: "reason" in pair ? pair.reason : faultOf(pair, gap) };
      });
      const good = bySource.filter(({ fault }) => fault === undefined);
      const gaps = good.map(({ pair }) => ("gap" in pair ? pair.gap : 0));
      const chosen = sources === "all" ? good : [good[sources === "first" ? 0 : indexOfMost(gaps)]];
      return [
        ...bySource.flatMap((entry) => {
          const { members, pair, fault } = entry;
          if ("reason" in pair) return members.map((answer) => drop(answer, pair.reason));
          if (fault !== undefined) return decided(members, pair, false, fault);
          const isKept = chosen.includes(entry);
          return decided(members, pair, isKept, isKept ? "same_source" : "other_source");
        }),
        ...drops,
      ];
    },
  };
}

export interface CrossSourceOptions {
  readonly gap?: GapWindow;
  readonly isVerified?: boolean;
  /** Whether both answers may be one source's. @default true */
  readonly allowsSameSource?: boolean;
}

/**
 * Best against worst of all answers, whatever their sources. Without `allowsSameSource` the rejected answer is the worst of
 * the sources other than the best answer's.
 *
 * Kept as `cross_source`; dropped as {@link sameSourcePairs} does.
 */
export function crossSourcePairs({
  gap = ANY_GAP,
  isVerified = false,
  allowsSameSource = true,
}: CrossSourceOptions = {}): Selector {
  checkWindow(gap);
  return {
    name: "cross-source",
    options: { ...windowOptions(gap), isVerified, allowsSameSource },
    gives: "pairs",
    decide({ answers }) {
      const { answers: usable, drops } = eligibleForPairs(answers, isVerified);
      return [
        ...onePair(usable, crossPair(usable, isVerified, allowsSameSource), gap, "cross_source"),
        ...drops,
      ];
    },
  };
}

function crossPair(
  usable: readonly ScoredAnswer[],
  isVerified: boolean,
  allowsSameSource: boolean,
): Candidate {
  const pair = extremes(usable, isVerified);
  if (allowsSameSource || "reason" in pair || pair.chosen.source !== pair.rejected.source) return pair;
  const others = usable.filter(
    ({ source, isCorrect }) => source !== pair.chosen.source && !(isVerified && isCorrect),
  );
  return pairOf(pair.chosen, worstOf(others));
}

/** The decisions where a prompt can give one pair only. */
function onePair(
  usable: readonly GroupedAnswer[],
  pair: Candidate,
  gap: GapWindow,
  reason: string,
): Decision[] {
  if ("reason" in pair) return usable.map((answer) => drop(answer, pair.reason));
  const fault = faultOf(pair, gap);
  return decided(usable, pair, fault === undefined, fault ?? reason);
}

/**
 * Chosen: the shortest of the answers whose score exceeds the prompt's mean score; rejected: the lowest-scored one
 * (Mutual-Taught's control of length). Lengths are tokens where every answer has them, else characters.
 *
 * Kept as `shortest_above_mean`; dropped as `none_above_mean` (all scores are equal), or as {@link sameSourcePairs} does.
 */
export function shortestAboveMeanPairs({ gap = ANY_GAP }: { readonly gap?: GapWindow } = {}): Selector {
  checkWindow(gap);
  return {
    name: "shortest-above-mean",
    options: windowOptions(gap),
    gives: "pairs",
    decide({ answers }) {
      const { answers: usable, drops } = eligible(answers, isScored, "not_scored");
      return [...onePair(usable, shortestAboveMean(usable), gap, "shortest_above_mean"), ...drops];
    },
  };
}

function shortestAboveMean(usable: readonly ScoredAnswer[]): Candidate {
  const lowest = worstOf(usable);
  if (usable.length < 2 || lowest === undefined) return { reason: "no_rival" };
  // The mean of the differences to the lowest is exactly 0 where all scores are equal.
  const mean = usable.reduce((sum, { score }) => sum + (score - lowest.score), 0) / usable.length;
  const above = usable.filter(({ score }) => score - lowest.score > mean);
  if (above.length === 0) return { reason: "none_above_mean" };
  const lengths = lengthsOf(usable);
  const length = (answer: ScoredAnswer): number => lengths[usable.indexOf(answer)]!;
  return pairOf(above[indexOfMost(above.map((answer) => -length(answer)))], lowest);
}
