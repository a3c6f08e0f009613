/** What a judge is, whatever it does: verifier, reward model, language model, person. */
import type { JsonObject, PromptRow, ResponseRow } from "../judged/index.ts";
import type { Spending } from "../pool/index.ts";

export interface JudgeOptions {
  readonly signal?: AbortSignal;
}

/** A verdict on one answer. */
export interface Verdict {
  /** Higher is better; null where no verdict was reached. */
  readonly score: number | null;
  /** In a word, from a set that the judge documents: "correct", "wrong", "no_answer", ... */
  readonly verdict: string;
  /** Why, for people and for reports; what was extracted, which test failed, the judge's words. */
  readonly explanation: JsonObject;
  readonly costUsd?: number;
  /** Of prompts and replies of the models that were asked. */
  readonly tokens?: number;
}

/** The verdict of a comparison, from the first answer's side: 1 first is better, 0.5 tie, 0 second is better. */
export type PairVerdict = Verdict;

/** What is known of a judge before it is asked. */
export interface JudgeTraits {
  readonly name: string;
  readonly version: string;
  /** Whether a prompt has what the judge needs, such as a reference answer. @default every prompt has */
  canJudge?(prompt: PromptRow): boolean;
  /** The most that a verdict on these answers can cost. @default nothing */
  mostSpent?(prompt: PromptRow, answers: readonly ResponseRow[]): Spending;
  /** Verdicts at once that have a use. @default any number */
  readonly maxConcurrency?: number | undefined;
  /** Frees processes and models. */
  close?(): Promise<void>;
}

/**
 * Scores one answer at a time. Its name and version are part of every judgement's key: a change that can alter a verdict is a new
 * version. Verdicts are never thrown: failures of the answer are verdicts, failures of the judge are `TuttiError`s.
 */
export interface Judge extends JudgeTraits {
  judge(prompt: PromptRow, response: ResponseRow, options?: JudgeOptions): Promise<Verdict>;
}

/** Compares two answers to one prompt. */
export interface PairJudge extends JudgeTraits {
  compare(
    prompt: PromptRow,
    first: ResponseRow,
    second: ResponseRow,
    options?: JudgeOptions,
  ): Promise<PairVerdict>;
}
