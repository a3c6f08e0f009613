/** Which training checkpoint is best: the routing loss on prompts set aside. */
import type { JudgedRecord } from "../../judged/record.ts";
import type { Parameters } from "../../nn/index.ts";
import type { Backend } from "../../runtime/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { encodeRecords } from "./encode.ts";
import { LookaheadRouter } from "./lookahead-router.ts";
import type { LookaheadSettings } from "./settings.ts";

/** Scales searched: from a model far too sure of itself (near 0) to one that is far too hesitant. */
const LARGEST_SCALE = 16;
const BISECTIONS = 40;

/**
 * Binary cross-entropy of scaled logits, at the scale that suits them best:
 *
 * min over a in [0, 16] of sum_i w_i mean_t (softplus(a z_it) - c_it a z_it) / sum_i w_i
 *
 * The scale (an inverse temperature: Guo et al., arXiv 1706.04599) changes no choice of the router. Fitting it keeps
 * over-confidence, which grows as a model trains on, from hiding that it ranks the candidates better.
 *
 * @param logits z: one row per prompt, one entry per candidate
 * @param labels c: the same shape, in [0, 1]
 * @param weights w: one per prompt, not all zero
 */
export function scaledRoutingLoss(
  logits: readonly Float64Array[],
  labels: readonly Float64Array[],
  weights: readonly number[],
): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (term: (logit: number, label: number) => number): number =>
    logits.reduce((sum, row, prompt) => {
      const terms = row.reduce(
        (inner, logit, candidate) => inner + term(logit, labels[prompt]![candidate]!),
        0,
      );
      return sum + (weights[prompt]! * terms) / row.length;
    }, 0) / total;
  // The loss is convex in the scale: its minimum is where the derivative changes sign.
  let [low, high] = [0, LARGEST_SCALE];
  for (let step = 0; step < BISECTIONS; step++) {
    const scale = (low + high) / 2;
    const slope = mean((logit, label) => logit * (1 / (1 + Math.exp(-scale * logit)) - label));
    if (slope > 0) high = scale;
    else low = scale;
  }
  const scale = (low + high) / 2;
  return mean((logit, label) => softplus(scale * logit) - label * scale * logit);
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/**
 * The negative {@link scaledRoutingLoss} of a model on `records`, by the labels and weights of training; larger is better.
 *
 * The loss moves with every prompt, whereas the score of the chosen model (the paper's eval_reward) jumps by whole
 * prompts: over a few hundred of them its noise exceeds the difference between a trained and a half-trained model.
 *
 * @returns undefined when no record prefers one candidate to another, so that nothing can be measured
 */
export function createValidation(
  settings: LookaheadSettings,
  tokenizer: Tokenizer,
  records: readonly JudgedRecord[],
  backend: Backend,
): ((parameters: Parameters) => Promise<number>) | undefined {
  const examples = encodeRecords(settings, tokenizer, records).filter(({ weight }) => weight > 0);
  if (examples.length === 0) return undefined;
  const prompts = examples.map(({ prompt }) => prompt);
  const labels = examples.map((example) => example.labels);
  const weights = examples.map(({ weight }) => weight);
  let router: LookaheadRouter | undefined;
  return async (parameters) => {
    // Parameters are trained in place, so one router sees every later state of them.
    router ??= new LookaheadRouter("validation", settings, parameters, tokenizer, backend);
    return -scaledRoutingLoss(await router.scoresOfPrompts(prompts), labels, weights);
  };
}
