/** The routing decision for one prompt, and why it fell as it did. */
import { createHash } from "node:crypto";
import { promptText } from "../judged/record.ts";
import { type ChatTurn, type Pool, turnText } from "../pool/index.ts";
import {
  applyConstraints,
  applyPolicy,
  type BudgetState,
  type CandidateEstimate,
  type Policy,
  type PolicyDecision,
  type PolicyInput,
  type PromptFacts,
} from "../routing/policy/index.ts";
import { argmax, type Router } from "../routing/router.ts";
import { type Clock, systemClock } from "./clock.ts";
import { askRouter, type EstimateSources, estimateModel, type RouterView, textFacts } from "./estimate.ts";

export interface CandidateScore {
  readonly model: string;
  /** The router's score; higher is better, comparable only within one decision. */
  readonly score: number;
  /** Expected quality in [0, 1]; null when the router is not calibrated. */
  readonly quality: number | null;
  readonly estimatedCompletionTokens: number;
  /** Null without a pool that has the model. */
  readonly estimatedCostUsd: number | null;
  /** Null while the model's speed is neither measured nor given. */
  readonly estimatedLatencyMs: number | null;
  /** Why the candidate was left out; null when it was in the running. */
  readonly excluded: string | null;
}

export interface Decision {
  readonly model: string;
  /** True when the router chose, false when the client named the model. */
  readonly isRouted: boolean;
  /** Name of the router that chose. */
  readonly router: string | null;
  /** What decided beside the scores; null when they alone did. */
  readonly policy: Policy | null;
  /** In the router's candidate order; empty when the client named the model. */
  readonly scores: readonly CandidateScore[];
  /** Sentences for people. */
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
  /** The client's limit on the answer; bounds the expected completion length. */
  readonly maxCompletionTokens?: number | undefined;
  /** How many answers the request asks for, each of them paid. Default 1. */
  readonly answers?: number | undefined;
  /** What the request needs beyond text. */
  readonly needs?: { readonly hasTools: boolean; readonly hasImages: boolean };
  /** Without one, the highest score among the candidates that can answer is chosen. */
  readonly policy?: Policy | undefined;
  /** Read after the router has answered, when other requests may have spent. */
  readonly budget?: { readonly state: BudgetState } | undefined;
  readonly latencies?: EstimateSources["latencies"];
  /** Told before any other request can be decided: here the budget is charged. */
  readonly onDecided?: (decision: Decision) => void;
}

/** A decision, and all that it was made from. */
export interface DecisionWithInput {
  readonly decision: Decision;
  readonly input: PolicyInput;
}

/**
 * Asks a router which model should answer.
 *
 * Cost estimate: `estimateTokens(prompt)` at the input price plus the expected answer length (256 tokens where the router
 * predicts none; at most the client's limit), times the answers asked for, at the output price.
 *
 * @param pool prices; without one, costs are null
 * @throws {TuttiError} ROUTER_INVALID when the router's scores are not one number per candidate; NO_CANDIDATE when no
 *   candidate can answer; see `applyPolicy`
 */
export async function decide(
  router: Router,
  prompt: string,
  pool?: Pool,
  options: DecideOptions = {},
): Promise<Decision> {
  return (await decideWithInput(router, prompt, pool, options)).decision;
}

/** The same with the estimates, for those who explain. */
export async function decideWithInput(
  router: Router,
  prompt: string,
  pool?: Pool,
  options: DecideOptions = {},
): Promise<DecisionWithInput> {
  const { clock = systemClock, policy } = options;
  const startedMs = clock.monotonicMs();
  const view = await askRouter(router, prompt);
  const routingMs = clock.monotonicMs() - startedMs;
  const input = policyInput(router, view, prompt, pool, options);
  const verdict = policy === undefined ? byScores(router, view, input) : applyPolicy(policy, input);
  const scores = router.candidates.map((model, index) => ({
    model,
    score: view.scores[index]!,
    ...shownEstimate(input.estimates[index]!),
    excluded: verdict.excluded.find((exclusion) => exclusion.model === model)?.reason ?? null,
  }));
  const { completionTokens, costUsd } = estimateOf(verdict.model, input);
  const decision: Decision = {
    model: verdict.model,
    isRouted: true,
    router: router.name,
    policy: policy ?? null,
    scores,
    reason: verdict.explanation,
    promptSha256: sha256(prompt),
    routingMs,
    estimate: {
      promptTokens: input.prompt.promptTokens,
      completionTokens: completionTokens!,
      costUsd: costUsd ?? null,
    },
  };
  options.onDecided?.(decision);
  return { decision, input };
}

/** The decision when the client named a model of the pool: nothing to choose. */
export function decideNamed(
  model: string,
  prompt: string,
  pool: Pool,
  options: DecideOptions = {},
): Decision {
  const facts = textFacts(prompt, options);
  const { completionTokens, costUsd } = estimateModel(model, facts, { pool });
  return {
    model,
    isRouted: false,
    router: null,
    policy: null,
    scores: [],
    reason: `the request named ${model}`,
    promptSha256: sha256(prompt),
    routingMs: 0,
    estimate: { promptTokens: facts.promptTokens, completionTokens, costUsd: costUsd ?? null },
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

function policyInput(
  router: Router,
  { outcome }: RouterView,
  prompt: string,
  pool: Pool | undefined,
  { maxCompletionTokens, answers, needs, policy, budget, latencies }: DecideOptions,
): PolicyInput {
  const facts: PromptFacts = { ...textFacts(prompt, { maxCompletionTokens, answers }), ...needs };
  const sources = { pool, latencies };
  const standby = policy?.abstain?.model;
  return {
    estimates: router.candidates.map((model, index) =>
      estimateModel(model, facts, sources, {
        quality: outcome?.quality[index],
        completionTokens: outcome?.completionTokens?.[index],
      }),
    ),
    ...(standby !== undefined && { standby: estimateModel(standby, facts, sources) }),
    prompt: facts,
    budget: budget?.state,
  };
}

function estimateOf(model: string, { estimates, standby }: PolicyInput): CandidateEstimate {
  return estimates.find((estimate) => estimate.model === model) ?? standby!;
}

function shownEstimate({ quality, completionTokens, costUsd, latencyMs }: CandidateEstimate) {
  return {
    quality: quality ?? null,
    estimatedCompletionTokens: completionTokens!,
    estimatedCostUsd: costUsd ?? null,
    estimatedLatencyMs: latencyMs ?? null,
  };
}

/** The highest score among the candidates that can answer. */
function byScores(router: Router, { scores }: RouterView, input: PolicyInput): PolicyDecision {
  const { kept, excluded } = applyConstraints(input.estimates, input.prompt, {});
  const running = kept.map((estimate) => ({
    model: estimate.model,
    score: scores[input.estimates.indexOf(estimate)]!,
  }));
  const { model } = running[argmax(running.map(({ score }) => score))]!;
  const sentences = [
    reasonFor(router.name, running, model),
    ...excluded.map((exclusion) => `${exclusion.model} is left out: ${exclusion.reason}`),
  ];
  return { model, explanation: sentences.join("; "), excluded };
}

function reasonFor(
  router: string,
  scores: readonly { readonly model: string; readonly score: number }[],
  chosen: string,
): string {
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
