/** The rows of the store. Each has an idempotent key (see keys.ts): the same work always has the same key. */
import type { ChatMessage } from "../record.ts";

/** A value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** A prompt and what verifiers check its answers against. Key: {@link promptKey}. */
export interface PromptRow {
  readonly key: string;
  /** The id that the source gave it; unique within one source only. */
  readonly id: string;
  readonly messages: readonly ChatMessage[];
  /** The benchmark or domain that it belongs to, such as "GSM8k". */
  readonly domain: string;
  readonly split?: string;
  /** Where it came from (file, dataset, gateway) and which state of that. */
  readonly source: string;
  readonly sourceRevision?: string;
  /** What a verifier needs: `answer`, `tests`, `entryPoint`, `constraints`, ... */
  readonly reference?: JsonObject;
  /** Other fields of the source, kept as they came. */
  readonly extra?: JsonObject;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/**
 * How an answer ended. Everything but `error` is an answer and is judged; `error` is a call that failed for good
 * (a later run of the same job tries it again).
 */
export const RESPONSE_STATUSES = ["ok", "truncated", "empty", "refusal", "filtered", "error"] as const;
export type ResponseStatus = (typeof RESPONSE_STATUSES)[number];

/** One sampled answer of one model. Key: {@link responseKey}. */
export interface ResponseRow {
  readonly key: string;
  readonly promptKey: string;
  /** Name in the pool. */
  readonly model: string;
  /** What of the model's identity can be known: weights hash, provider's version, or the upstream name. */
  readonly modelRevision: string;
  /** Hash or name of the chat template; "provider" where the provider applies its own. */
  readonly template: string;
  /** Sampling parameters as sent, without the seed: temperature, top_p, max_tokens, ... */
  readonly parameters: JsonObject;
  /** 0..n-1 among the samples of one prompt, model and parameters. */
  readonly seedIndex: number;
  readonly text: string;
  readonly status: ResponseStatus;
  /** As the provider said it. */
  readonly finishReason?: string;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly costUsd?: number;
  readonly latencyMs?: number;
  /** Sum of log p over the answer's tokens, where the provider gives it. */
  readonly logProbability?: number;
  /** Code and message, for status `error`. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly source: string;
  readonly createdAt: string;
}

/** A judge's verdict on one answer, or on one answer against another. Key: {@link judgementKey}. */
export interface JudgementRow {
  readonly key: string;
  readonly responseKey: string;
  /** The other answer of a pairwise verdict. */
  readonly rivalKey?: string;
  readonly judge: string;
  readonly judgeVersion: string;
  /** Higher is better; null where the judge came to no verdict (`verdict` and `explanation` say why). */
  readonly score: number | null;
  /** In a word: "correct", "A>>B", "judge_failed", ... */
  readonly verdict: string;
  readonly explanation: JsonObject;
  readonly costUsd?: number;
  readonly source: string;
  readonly createdAt: string;
}

/** What a selector decided about an answer or a pair, and why. Key: {@link selectionKey}. */
export interface SelectionRow {
  readonly key: string;
  readonly selector: string;
  readonly options: JsonObject;
  readonly promptKey: string;
  readonly responseKey?: string;
  readonly rejectedKey?: string;
  readonly isKept: boolean;
  /** Reason code, such as "best" or "gap_too_small". */
  readonly reason: string;
  readonly createdAt: string;
}
