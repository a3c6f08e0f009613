/** What a reward model is, wherever it runs, and the judge that is made of one. */
import { createHash } from "node:crypto";
import type { ChatMessage, PromptRow, ResponseRow } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { Judge, JudgeOptions, Verdict } from "../judge.ts";
import type { SequenceScorer } from "./sequence-scorer.ts";

/** An answer to a conversation. */
export interface RewardInput {
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
}

/** A scalar reward; higher is better, comparable between answers to one prompt. */
export interface RewardModel {
  readonly name: string;
  /** What of the model's identity can be known, for the judge's version. */
  readonly revision: string;
  /** Calls at once that have a use. */
  readonly maxConcurrency?: number;
  reward(input: RewardInput, signal: AbortSignal): Promise<number>;
  close?(): Promise<void>;
}

/**
 * How a reward is put to one scale before it becomes a judgement:
 *
 * - `none`: as the model gives it
 * - `sigmoid`: 1 / (1 + e^-x), the probability against an answer of reward 0
 * - mean and deviation: (x - mean) / deviation, from the rewards of a sample (see {@link standardisation})
 */
export type RewardScale = "none" | "sigmoid" | { readonly mean: number; readonly deviation: number };

/** @throws {TuttiError} INVALID_ARGUMENT for a deviation of 0 or less */
export function scaled(reward: number, scale: RewardScale): number {
  if (scale === "none") return reward;
  if (scale === "sigmoid")
    return reward >= 0 ? 1 / (1 + Math.exp(-reward)) : Math.exp(reward) / (1 + Math.exp(reward));
  if (!(scale.deviation > 0)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `deviation: received ${scale.deviation}, expected a number above 0`,
      {
        hint: "rewards that are all equal cannot be standardised",
      },
    );
  }
  return (reward - scale.mean) / scale.deviation;
}

/** Mean and sample deviation of a model's rewards. */
export function standardisation(rewards: readonly number[]): { mean: number; deviation: number } {
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const squares = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, rewards.length - 1)) };
}

const never = new AbortController().signal;
const DIGEST_DIGITS = 12;

/**
 * Verdicts: `rewarded`, with the scaled reward as score; `no_reward` without a score where the model gave no finite number. The
 * explanation holds the reward as the model gave it.
 */
export function createRewardJudge(
  model: RewardModel,
  { scale = "none" }: { readonly scale?: RewardScale } = {},
): Judge {
  const digest = createHash("sha256")
    .update(JSON.stringify([model.revision, scale]))
    .digest("hex");
  return {
    name: model.name,
    version: digest.slice(0, DIGEST_DIGITS),
    maxConcurrency: model.maxConcurrency,
    async judge(
      { messages }: PromptRow,
      { text }: ResponseRow,
      { signal = never }: JudgeOptions = {},
    ): Promise<Verdict> {
      signal.throwIfAborted();
      const reward = await model.reward({ messages, answer: text }, signal);
      if (!Number.isFinite(reward)) {
        return { score: null, verdict: "no_reward", explanation: { reward: String(reward) } };
      }
      return { score: scaled(reward, scale), verdict: "rewarded", explanation: { reward } };
    },
    ...(model.close && { close: () => model.close!() }),
  };
}

/**
 * A local model as a reward model. With one label its logit is the reward; with several, the probability of `label`.
 *
 * @param revision such as the SHA-256 of the weights, or the commit of the repository
 * @throws {TuttiError} INVALID_ARGUMENT when the model has several labels and `label` is none of them
 */
export function localRewardModel(
  scorer: SequenceScorer,
  { name, revision, label }: { readonly name: string; readonly revision: string; readonly label?: string },
): RewardModel {
  const index = scorer.labels.length === 1 ? 0 : scorer.labels.indexOf(label ?? "");
  if (index < 0) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `label: received ${label === undefined ? "none" : JSON.stringify(label)}, expected one of ${scorer.labels.join(", ")}`,
      { details: { model: scorer.path }, hint: "name the label whose probability is the reward" },
    );
  }
  return {
    name,
    maxConcurrency: 1,
    revision: `${revision}${label === undefined ? "" : `/${label}`}`,
    async reward({ messages, answer }) {
      const logits = await scorer.logits(messages, answer);
      if (logits.length === 1) return logits[0]!;
      const highest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
      const total = logits.reduce((sum, value) => sum + Math.exp(value - highest), 0);
      return Math.exp(logits[index]! - highest) / total;
    },
    close: () => scorer.dispose(),
  };
}
