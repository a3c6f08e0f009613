/**
 * Verifier first, reward model as tie-break, as the fusion recipes choose answers: a correct answer stands above every wrong one,
 * and among equally correct ones the reward decides.
 *
 *   score = v + step (1 + r / (1 + |r|)) / 2
 *
 * v the verifier's score, r the reward; the second term lies between 0 and `step` and keeps the order of rewards of any size.
 */
import type { PromptRow, ResponseRow } from "../judged/index.ts";
import type { Spending } from "../pool/index.ts";
import { TuttiError } from "../support/errors.ts";
import { leastConcurrency } from "./concurrency.ts";
import type { Judge, JudgeOptions, Verdict } from "./judge.ts";

export interface CompositeOptions {
  /** Smallest difference between two scores of the verifier, which no reward may make up for. @default 1 */
  readonly step?: number;
}

/** Increasing in r, between 0 and 1; 1/2 without a reward. */
const squashed = (reward: number | null): number =>
  reward === null ? 0.5 : (1 + reward / (1 + Math.abs(reward))) / 2;

const nothing: Spending = { usd: 0, tokens: 0 };

const shown = ({ score, verdict, explanation }: Verdict) => ({ score, verdict, explanation });

/**
 * The verdict is the verifier's word. Without a score of the verifier there is none at all: a reward says nothing of correctness. Both
 * judges' verdicts stand in the explanation.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when step is not above 0
 */
export function createCompositeJudge(
  verifier: Judge,
  tieBreak: Judge,
  { step = 1 }: CompositeOptions = {},
): Judge {
  if (!(step > 0)) {
    throw new TuttiError("INVALID_ARGUMENT", `step: received ${step}, expected a number above 0`, {
      hint: "1 for verifiers that say right or wrong, 1 / n for shares of n tests",
    });
  }
  return {
    name: `${verifier.name}>${tieBreak.name}`,
    version: `${verifier.version}>${tieBreak.version}${step === 1 ? "" : `>${step}`}`,
    maxConcurrency: leastConcurrency([verifier, tieBreak]),
    canJudge: (prompt) => (verifier.canJudge?.(prompt) ?? true) && (tieBreak.canJudge?.(prompt) ?? true),
    mostSpent(prompt, answers) {
      const [first, second] = [verifier, tieBreak].map(
        (part) => part.mostSpent?.(prompt, answers) ?? nothing,
      );
      return { usd: first!.usd + second!.usd, tokens: first!.tokens + second!.tokens };
    },
    async judge(prompt: PromptRow, response: ResponseRow, options?: JudgeOptions): Promise<Verdict> {
      const [first, second] = await Promise.all([
        verifier.judge(prompt, response, options),
        tieBreak.judge(prompt, response, options),
      ]);
      const costs = [first.costUsd, second.costUsd].filter((cost) => cost !== undefined);
      const tokens = [first.tokens, second.tokens].filter((count) => count !== undefined);
      return {
        score: first.score === null ? null : first.score + step * squashed(second.score),
        verdict: first.verdict,
        explanation: { verifier: shown(first), tieBreak: shown(second) },
        ...(costs.length > 0 && { costUsd: costs.reduce((sum, cost) => sum + cost, 0) }),
        ...(tokens.length > 0 && { tokens: tokens.reduce((sum, count) => sum + count, 0) }),
      };
    },
    async close() {
      await Promise.all([verifier.close?.(), tieBreak.close?.()]);
    },
  };
}
