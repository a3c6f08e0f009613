/** Selectors that keep one answer a prompt. */
import { groupedBy } from "../../support/grouped-by.ts";
import { bestOf, drop, eligible, indexOfMost, keep } from "./eligible.ts";
import { type GroupedAnswer, isScored } from "./group.ts";
import type { Decision, Selector } from "./selector.ts";

/** Keeps one of the answers and drops the others for one reason. */
function keepOne(
  answers: readonly GroupedAnswer[],
  kept: GroupedAnswer | undefined,
  reason: string,
  otherwise: string,
): Decision[] {
  return answers.map((answer) => (answer === kept ? keep(answer, reason) : drop(answer, otherwise)));
}

/**
 * The answer of highest score, whatever its source.
 *
 * Kept as `best`; dropped as `not_best`, `not_scored` or by status.
 */
export function bestAnswer(): Selector {
  return {
    name: "best",
    options: {},
    gives: "answers",
    decide({ answers }) {
      const { answers: scored, drops } = eligible(answers, isScored, "not_scored");
      return [...keepOne(scored, bestOf(scored), "best", "not_best"), ...drops];
    },
  };
}

/**
 * The first whole answer, whatever judges say of it: for prompts with one answer, or to learn without selection.
 *
 * Kept as `first`; dropped as `not_first` or by status.
 */
export function firstAnswer(): Selector {
  return {
    name: "first",
    options: {},
    gives: "answers",
    decide({ answers }) {
      const isAny = (answer: GroupedAnswer): answer is GroupedAnswer => answer !== undefined;
      const { answers: whole, drops } = eligible(answers, isAny, "not_first");
      return [...keepOne(whole, whole[0], "first", "not_first"), ...drops];
    },
  };
}

/**
 * The highest score among the answers that a verifier found correct (FuseChat-3.0's target for mathematics and code).
 * Correct answers without a score lose to those with one.
 *
 * Kept as `best_correct`; dropped as `not_best`, `wrong`, `not_verified` or by status.
 */
export function bestCorrectAnswer(): Selector {
  return {
    name: "correct-then-best",
    options: {},
    gives: "answers",
    decide({ answers }) {
      const isVerified = (answer: GroupedAnswer): answer is GroupedAnswer => answer.isCorrect !== null;
      const { answers: verified, drops } = eligible(answers, isVerified, "not_verified");
      const correct = verified.filter(({ isCorrect }) => isCorrect);
      const wrong = verified.filter(({ isCorrect }) => !isCorrect);
      const best = bestOf(correct.filter(isScored)) ?? correct[0];
      return [
        ...keepOne(correct, best, "best_correct", "not_best"),
        ...wrong.map((answer) => drop(answer, "wrong")),
        ...drops,
      ];
    },
  };
}

export interface VoteOptions {
  /** Share of the votes that the majority needs at least, 0..1. @default 0 */
  readonly leastShare?: number;
}

interface Party {
  readonly answers: readonly GroupedAnswer[];
  /** Sum of the scores, which decides between parties of one size. */
  readonly score: number;
}

/**
 * The final answer that most responses agree on (self-consistency, arXiv 2203.11171), represented by its best-scored
 * response, or its first where none is scored. Parties of one size are ordered by the sum of their scores, then by which came first.
 *
 * Kept as `majority`; dropped as `majority_other` (same final answer), `minority`, `share_too_small`, `no_final_answer` or by status.
 */
export function majorityAnswer({ leastShare = 0 }: VoteOptions = {}): Selector {
  return {
    name: "vote",
    options: { leastShare },
    gives: "answers",
    decide({ answers }) {
      const isVoter = (answer: GroupedAnswer): answer is GroupedAnswer => answer.finalAnswer !== null;
      const { answers: voters, drops } = eligible(answers, isVoter, "no_final_answer");
      const winner = largestParty(voters);
      if (winner === undefined) return drops;
      if (winner.answers.length < leastShare * voters.length) {
        return [...voters.map((answer) => drop(answer, "share_too_small")), ...drops];
      }
      const speaker = bestOf(winner.answers.filter(isScored)) ?? winner.answers[0];
      return [
        ...keepOne(winner.answers, speaker, "majority", "majority_other"),
        ...voters
          .filter((answer) => !winner.answers.includes(answer))
          .map((answer) => drop(answer, "minority")),
        ...drops,
      ];
    },
  };
}

function largestParty(voters: readonly GroupedAnswer[]): Party | undefined {
  const parties = [...groupedBy(voters, ({ finalAnswer }) => finalAnswer).values()].map((members): Party => {
    return { answers: members, score: members.reduce((sum, { score }) => sum + (score ?? 0), 0) };
  });
  // Sorting is stable: what came first stays first among equals.
  return parties.sort((a, b) => b.answers.length - a.answers.length || b.score - a.score)[0];
}

type Likely = GroupedAnswer & { readonly logProbability: number; readonly tokens: number };

export interface LeastNllOptions {
  /** Whether the sum over tokens counts rather than the mean. @default false */
  readonly isTotal?: boolean;
}

/**
 * The answer that its model found least surprising: minimum of -log p / tokens, the criterion MinCE of FuseLLM
 * (arXiv 2401.10491) applied to the sources' own answers.
 *
 * Kept as `least_nll`; dropped as `not_least_nll`, `no_log_probability` or by status.
 */
export function leastNllAnswer({ isTotal = false }: LeastNllOptions = {}): Selector {
  return {
    name: "min-nll",
    options: { isTotal },
    gives: "answers",
    decide({ answers }) {
      const isLikely = (answer: GroupedAnswer): answer is Likely =>
        answer.logProbability !== undefined && answer.tokens !== undefined && answer.tokens > 0;
      const { answers: likely, drops } = eligible(answers, isLikely, "no_log_probability");
      const best =
        likely[
          indexOfMost(likely.map(({ logProbability, tokens }) => logProbability / (isTotal ? 1 : tokens)))
        ];
      return [...keepOne(likely, best, "least_nll", "not_least_nll"), ...drops];
    },
  };
}
