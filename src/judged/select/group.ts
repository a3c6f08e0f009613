/** What selectors choose from: one prompt with all its judged answers. */
import type { ChatMessage } from "../record.ts";
import type { ResponseStatus } from "../store/rows.ts";

/** One answer with what its judges said. */
export interface GroupedAnswer {
  /** Key of the response in a store, or a name unique within the group. */
  readonly key: string;
  /** The model that gave it. */
  readonly source: string;
  readonly text: string;
  readonly status: ResponseStatus;
  /** Scalar score, higher is better; null where no judge gave one. */
  readonly score: number | null;
  /** A verifier's verdict; null where there is none. */
  readonly isCorrect: boolean | null;
  /** Final answer in the verifier's own writing, for votes; null where there is none. */
  readonly finalAnswer: string | null;
  readonly tokens?: number;
  /** Sum of log p over the answer's tokens, in nats. */
  readonly logProbability?: number;
}

export interface JudgedGroup {
  readonly promptKey: string;
  readonly id: string;
  readonly domain: string;
  readonly messages: readonly ChatMessage[];
  /** In the order of the source; ties go to the earlier answer. */
  readonly answers: readonly GroupedAnswer[];
}

/** An answer with a score, as most selectors need it. */
export type ScoredAnswer = GroupedAnswer & { readonly score: number };

export const isScored = (answer: GroupedAnswer): answer is ScoredAnswer =>
  answer.score !== null && Number.isFinite(answer.score);

/** Lengths of answers that are compared with each other: tokens where all have them, else characters. */
export function lengthsOf(answers: readonly GroupedAnswer[]): number[] {
  return answers.every(({ tokens }) => tokens !== undefined)
    ? answers.map(({ tokens }) => tokens!)
    : answers.map(({ text }) => [...text].length);
}
