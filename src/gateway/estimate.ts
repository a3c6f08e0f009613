/** What is expected of every candidate for one request: the router's view, prices, speed and abilities together. */
import { costUsd, estimateTokens, type Pool, type PoolModel } from "../pool/index.ts";
import { expectedLatencyMs } from "../routing/length/index.ts";
import { isOutcomeRouter, type OutcomeEstimate } from "../routing/outcome.ts";
import type { CandidateEstimate, PromptFacts } from "../routing/policy/index.ts";
import type { Router } from "../routing/router.ts";
import { TuttiError } from "../support/errors.ts";
import type { LatencyMeter } from "./latency-meter.ts";

/** How long an answer is taken to be when nobody predicts its length. */
export const ASSUMED_COMPLETION_TOKENS = 256;

/** What a router says of one prompt. */
export interface RouterView {
  readonly scores: Float64Array;
  readonly outcome?: OutcomeEstimate | undefined;
}

/** @throws {TuttiError} ROUTER_INVALID when the router's scores are not one number per candidate */
export async function askRouter(router: Router, prompt: string): Promise<RouterView> {
  const queries = [{ id: "request", prompt }];
  const view = await viewOf(router, queries);
  const { scores: row } = view;
  if (row?.length === router.candidates.length && row.every((score) => !Number.isNaN(score))) return view;
  throw new TuttiError(
    "ROUTER_INVALID",
    `router "${router.name}": expected ${router.candidates.length} scores, received ${row === undefined ? "no row" : `[${[...row].join(", ")}]`}`,
    { details: { router: router.name } },
  );
}

async function viewOf(
  router: Router,
  queries: readonly { id: string; prompt: string }[],
): Promise<RouterView> {
  // Quality that was never held against unseen answers is no ground for a policy.
  if (!isOutcomeRouter(router) || !router.isCalibrated) {
    const [scores] = await router.scores(queries);
    return { scores: scores! };
  }
  const [assessment] = await router.assess(queries);
  return { scores: assessment!.scores, outcome: assessment!.estimate };
}

export interface EstimateSources {
  readonly pool?: Pool | undefined;
  readonly latencies?: LatencyMeter | undefined;
}

/** The facts of a text prompt without tools and images. */
export function textFacts(
  prompt: string,
  limits: Pick<PromptFacts, "maxCompletionTokens" | "answers"> = {},
): PromptFacts {
  const { maxCompletionTokens, answers } = limits;
  return {
    promptTokens: estimateTokens(prompt),
    maxCompletionTokens,
    answers,
    hasTools: false,
    hasImages: false,
  };
}

/** Expectations of one model; the client's limit bounds the length of its answer. */
export function estimateModel(
  model: string,
  prompt: PromptFacts,
  { pool, latencies }: EstimateSources,
  predicted: { readonly quality?: number | undefined; readonly completionTokens?: number | undefined } = {},
): CandidateEstimate & { readonly completionTokens: number } {
  const known: Partial<PoolModel> = pool?.find(model) ?? {};
  const completionTokens = Math.min(
    predicted.completionTokens ?? ASSUMED_COMPLETION_TOKENS,
    prompt.maxCompletionTokens ?? Number.POSITIVE_INFINITY,
  );
  const speed = latencies?.profileOf(model) ?? known.latency;
  return {
    model,
    quality: predicted.quality,
    completionTokens,
    costUsd:
      known.pricing === undefined
        ? undefined
        : costUsd(known.pricing, prompt.promptTokens, completionTokens * (prompt.answers ?? 1)),
    latencyMs: speed === undefined ? undefined : expectedLatencyMs(speed, completionTokens),
    contextWindowTokens: known.contextWindowTokens,
    supportsTools: known.supportsTools,
    supportsImages: known.supportsImages,
  };
}
