/** Builds rows of the store from what files say, with defaults for what they do not. */
import { createHash } from "node:crypto";
import type { ChatMessage } from "../record.ts";
import { judgementKey, promptKey, responseKey } from "../store/keys.ts";
import type { JsonObject, JudgementRow, PromptRow, ResponseRow, ResponseStatus } from "../store/rows.ts";
import type { ReadContext } from "./format.ts";

/** Where a file does not say it. */
export const UNKNOWN = "unknown";
/** The parameter that tells answers of unknown sampling apart: a digest of the answer itself. */
const RECORDED = "recorded";
const DIGEST_DIGITS = 16;

export interface PromptParts {
  /** Default: the key. */
  readonly id?: string | undefined;
  readonly messages: readonly ChatMessage[];
  readonly domain?: string | undefined;
  readonly split?: string | undefined;
  readonly reference?: JsonObject | undefined;
  readonly extra?: JsonObject | undefined;
}

export function promptRow(context: ReadContext, parts: PromptParts): PromptRow {
  const { messages, domain = context.domain, split, reference, extra } = parts;
  const key = promptKey(reference === undefined ? { messages } : { messages, reference });
  return {
    key,
    id: parts.id ?? key,
    messages,
    domain,
    ...(split !== undefined && { split }),
    source: context.source,
    ...(context.sourceRevision !== undefined && { sourceRevision: context.sourceRevision }),
    ...(reference !== undefined && { reference }),
    ...(extra !== undefined && { extra }),
    createdAt: context.createdAt,
  };
}

/** How an answer was sampled, where the file says it. */
export interface Sampling {
  readonly revision: string;
  readonly template: string;
  readonly parameters: JsonObject;
  readonly seedIndex: number;
}

export interface ResponseParts {
  readonly model: string;
  readonly text: string;
  /**
   * Where it is not known, the answer's own text takes the place of its parameters: the same answer then has the same key in
   * whatever file it comes, and another answer has another.
   */
  readonly sampling?: Sampling | undefined;
  /** Number of the sample, where only that is known. */
  readonly seedIndex?: number;
  readonly status?: ResponseStatus | undefined;
  readonly finishReason?: string | undefined;
  readonly promptTokens?: number | undefined;
  readonly completionTokens?: number | undefined;
  readonly costUsd?: number | undefined;
  readonly latencyMs?: number | undefined;
  readonly logProbability?: number | undefined;
  readonly error?: ResponseRow["error"] | undefined;
  readonly createdAt?: string | undefined;
}

/** What an answer of unknown sampling is identified by. */
export function recordedSampling(text: string, seedIndex = 0): Sampling {
  const digest = createHash("sha256").update(text).digest("hex").slice(0, DIGEST_DIGITS);
  return { revision: UNKNOWN, template: UNKNOWN, parameters: { [RECORDED]: digest }, seedIndex };
}

/** Whether the sampling is only that of `recordedSampling`. */
export function isRecordedSampling(row: ResponseRow): boolean {
  return (
    row.modelRevision === UNKNOWN &&
    row.template === UNKNOWN &&
    Object.keys(row.parameters).join() === RECORDED
  );
}

export function statusOf(text: string, finishReason?: string): ResponseStatus {
  switch (finishReason) {
    case "length":
    case "max_tokens":
      return "truncated";
    case "content_filter":
      return "filtered";
    case "refusal":
      return "refusal";
    default:
      return text.trim() === "" ? "empty" : "ok";
  }
}

export function responseRow(context: ReadContext, prompt: string, parts: ResponseParts): ResponseRow {
  const { model, text, finishReason } = parts;
  const sampling = parts.sampling ?? recordedSampling(text, parts.seedIndex);
  const identity = {
    promptKey: prompt,
    model,
    modelRevision: sampling.revision,
    template: sampling.template,
    parameters: sampling.parameters,
    seedIndex: sampling.seedIndex,
  };
  const { promptTokens, completionTokens, costUsd, latencyMs, logProbability, error } = parts;
  return {
    key: responseKey(identity),
    ...identity,
    text,
    status: parts.status ?? statusOf(text, finishReason),
    ...(finishReason !== undefined && { finishReason }),
    ...(promptTokens !== undefined && { promptTokens }),
    ...(completionTokens !== undefined && { completionTokens }),
    ...(costUsd !== undefined && { costUsd }),
    ...(latencyMs !== undefined && { latencyMs }),
    ...(logProbability !== undefined && { logProbability }),
    ...(error !== undefined && { error }),
    source: context.source,
    createdAt: parts.createdAt ?? context.createdAt,
  };
}

export interface JudgementParts {
  readonly score: number | null;
  readonly verdict: string;
  readonly judge?: string | undefined;
  readonly judgeVersion?: string | undefined;
  readonly rivalKey?: string | undefined;
  readonly explanation?: JsonObject | undefined;
  readonly costUsd?: number | undefined;
  readonly createdAt?: string | undefined;
}

export function judgementRow(context: ReadContext, response: string, parts: JudgementParts): JudgementRow {
  const { rivalKey, costUsd } = parts;
  const identity = {
    responseKey: response,
    ...(rivalKey !== undefined && { rivalKey }),
    judge: parts.judge ?? context.judge,
    judgeVersion: parts.judgeVersion ?? context.judgeVersion,
  };
  return {
    key: judgementKey(identity),
    ...identity,
    score: parts.score,
    verdict: parts.verdict,
    explanation: parts.explanation ?? {},
    ...(costUsd !== undefined && { costUsd }),
    source: context.source,
    createdAt: parts.createdAt ?? context.createdAt,
  };
}

/** The verdict of a bare score: in a word where it is 0 or 1. */
export function verdictOfScore(score: number): string {
  return score === 1 ? "correct" : score === 0 ? "wrong" : "scored";
}

/** A time in seconds since 1970, as ISO 8601; undefined where there is none or it is no time. */
export function timeOfSeconds(seconds: number | undefined): string | undefined {
  if (seconds === undefined || !(Math.abs(seconds) < 1e11)) return undefined;
  return new Date(seconds * 1000).toISOString();
}
