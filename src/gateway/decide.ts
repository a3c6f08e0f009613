/** The routing decision for one prompt, and why it fell as it did. */
import { createHash } from "node:crypto";
import { promptText } from "../judged/record.ts";
import { type ChatTurn, costUsd, estimateTokens, type Pool, turnText } from "../pool/index.ts";
import { argmax, type Router } from "../routing/router.ts";
import { TuttiError } from "../support/errors.ts";
import { type Clock, systemClock } from "./clock.ts";

/** How long an answer is taken to be when its cost is estimated before it exists. */
export const ASSUMED_COMPLETION_TOKENS = 256;

export interface CandidateScore {
  readonly model: string;
  /** The router's score; higher is better, comparable only within one decision. */
  readonly score: number;
  /** Null without a pool that has the model. */
  readonly estimatedCostUsd: number | null;
}

export interface Decision {
  readonly model: string;
  /** True when the router chose, false when the client named the model. */
  readonly isRouted: boolean;
  /** Name of the router that chose. */
  readonly router: string | null;
  /** In the router's candidate order; empty when the client named the model. */
  readonly scores: readonly CandidateScore[];
  /** One sentence for people. */
  readonly reason: string;
  /** SHA-256 of the prompt text in hexadecimal; the prompt itself is not kept. */
  readonly promptSha256: string;
  readonly routingMs: number;
  /** Prompt tokens estimated from the text, and the completion length that the cost assumes. */
  readonly estimate: {
    readonly promptTokens: number;
    readonly completionTokens: number;
    readonly costUsd: number | null;
  };
}

export interface DecideOptions {
  readonly clock?: Clock;
  /** The client's limit on the answer; bounds the assumed completion length. */
  readonly maxCompletionTokens?: number | undefined;
}

/**
 * Asks a router which model should answer.
 *
 * Cost estimate: `estimateTokens(prompt)` at the input price plus {@link ASSUMED_COMPLETION_TOKENS} (or the client's
 * lower limit) at the output price.
 *
 * @param pool prices; without one, costs are null
 * @throws {TuttiError} ROUTER_INVALID when the router's scores are not one number per candidate
 */
export async function decide(
  router: Router,
  prompt: string,
  pool?: Pool,
  options: DecideOptions = {},
): Promise<Decision> {
  const clock = options.clock ?? systemClock;
  const startedMs = clock.monotonicMs();
  const [row] = await router.scores([{ id: "request", prompt }]);
  const routingMs = clock.monotonicMs() - startedMs;
  if (
    row === undefined ||
    row.length !== router.candidates.length ||
    !row.every((score) => !Number.isNaN(score))
  ) {
    throw new TuttiError(
      "ROUTER_INVALID",
      `router "${router.name}": expected ${router.candidates.length} scores, received ${row === undefined ? "no row" : `[${[...row].join(", ")}]`}`,
      { details: { router: router.name } },
    );
  }
  const estimateFor = estimator(prompt, pool, options.maxCompletionTokens);
  const scores = router.candidates.map((model, index) => ({
    model,
    score: row[index]!,
    estimatedCostUsd: estimateFor(model).costUsd,
  }));
  const { model } = scores[argmax(row)]!;
  return {
    model,
    isRouted: true,
    router: router.name,
    scores,
    reason: reasonFor(router.name, scores, model),
    promptSha256: sha256(prompt),
    routingMs,
    estimate: estimateFor(model),
  };
}

/** The decision when the client named a model of the pool: nothing to choose. */
export function decideNamed(
  model: string,
  prompt: string,
  pool: Pool,
  options: DecideOptions = {},
): Decision {
  return {
    model,
    isRouted: false,
    router: null,
    scores: [],
    reason: `the request named ${model}`,
    promptSha256: sha256(prompt),
    routingMs: 0,
    estimate: estimator(prompt, pool, options.maxCompletionTokens)(model),
  };
}

/** The text that routers see for a conversation: the same flattening that judged records have in training. */
export function routingPrompt(messages: readonly ChatTurn[]): string {
  return promptText(
    messages.map((turn) => ({
      role: turn.role === "assistant" ? "assistant" : turn.role === "user" ? "user" : "system",
      content: turnText(turn),
    })),
  );
}

function estimator(prompt: string, pool: Pool | undefined, maxCompletionTokens: number | undefined) {
  const promptTokens = estimateTokens(prompt);
  const completionTokens = Math.min(
    ASSUMED_COMPLETION_TOKENS,
    maxCompletionTokens ?? ASSUMED_COMPLETION_TOKENS,
  );
  return (model: string): Decision["estimate"] => {
    const pricing = pool?.find(model)?.pricing;
    return {
      promptTokens,
      completionTokens,
      costUsd: pricing === undefined ? null : costUsd(pricing, promptTokens, completionTokens),
    };
  };
}

function reasonFor(router: string, scores: readonly CandidateScore[], chosen: string): string {
  const own = scores.find(({ model }) => model === chosen)!;
  const others = scores.filter(({ model }) => model !== chosen);
  if (others.length === 0) return `${chosen} is the only candidate of router ${router}`;
  const next = others[argmax(others.map(({ score }) => score))]!;
  if (next.score === own.score) {
    return `router ${router} scores ${chosen} and ${next.model} alike (${shown(own.score)}); the first in its list is taken`;
  }
  return `router ${router} expects the best answer from ${chosen} (${shown(own.score)}), ahead of ${next.model} (${shown(next.score)})`;
}

function shown(score: number): string {
  return Number(score.toPrecision(4)).toString();
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
