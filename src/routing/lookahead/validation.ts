/** Which training checkpoint is best: by the routing loss, or by the scores of the chosen models, on prompts set aside. */
import type { JudgedRecord } from "../../judged/record.ts";
import type { Parameters } from "../../nn/index.ts";
import type { Backend } from "../../runtime/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { benchmarkRanges, candidateScores, normaliseWithinPrompt, type ScoreRange } from "../labels.ts";
import { argmax } from "../router.ts";
import { encodeRecords } from "./encode.ts";
import { LookaheadRouter } from "./lookahead-router.ts";
import type { BestBy, LookaheadSettings, RoutingLoss } from "./settings.ts";

/** Scales searched: from a model far too sure of itself (near 0) to one that is far too hesitant. */
const LARGEST_SCALE = 16;
const BISECTIONS = 40;

/** Loss of one row of logits times a scale, and its derivative by the scale. */
type ScaledRowLoss = (
  scale: number,
  logits: Float64Array,
  targets: Float64Array,
) => { readonly loss: number; readonly slope: number };

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** mean_t (softplus(a z_t) - c_t a z_t) */
const binaryRow: ScaledRowLoss = (scale, logits, targets) => {
  let [loss, slope] = [0, 0];
  for (const [candidate, logit] of logits.entries()) {
    const target = targets[candidate]!;
    loss += (softplus(scale * logit) - target * scale * logit) / logits.length;
    slope += (logit * (1 / (1 + Math.exp(-scale * logit)) - target)) / logits.length;
  }
  return { loss, slope };
};

/** log sum_t exp(a z_t) - sum_t p_t a z_t */
const softmaxRow: ScaledRowLoss = (scale, logits, targets) => {
  const largest = Math.max(...logits.map((logit) => scale * logit));
  const powers = logits.map((logit) => Math.exp(scale * logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  let [loss, slope] = [largest + Math.log(total), 0];
  for (const [candidate, logit] of logits.entries()) {
    loss -= targets[candidate]! * scale * logit;
    slope += logit * (powers[candidate]! / total - targets[candidate]!);
  }
  return { loss, slope };
};

/** mean_t (a z_t - s_t)^2 */
const squaredRow: ScaledRowLoss = (scale, logits, targets) => {
  let [loss, slope] = [0, 0];
  for (const [candidate, logit] of logits.entries()) {
    const difference = scale * logit - targets[candidate]!;
    loss += difference ** 2 / logits.length;
    slope += (2 * difference * logit) / logits.length;
  }
  return { loss, slope };
};

const ROW_LOSSES: Readonly<Record<RoutingLoss, ScaledRowLoss>> = {
  bce: binaryRow,
  ce: softmaxRow,
  kl: softmaxRow,
  "reverse-kl": softmaxRow,
  mse: squaredRow,
};

/**
 * The routing loss of scaled logits, at the scale that suits them best:
 *
 * min over a in [0, 16] of sum_i w_i loss(a z_i, c_i) / sum_i w_i
 *
 * where loss is binary cross-entropy, cross-entropy of a softmax (for ce and both kl) or the squared error, each
 * convex in the scale. The scale (an inverse temperature: Guo et al., arXiv 1706.04599) changes no choice of the
 * router. Fitting it keeps over-confidence, which grows as a model trains on, from hiding that it ranks the
 * candidates better.
 *
 * @param logits z: one row per prompt, one entry per candidate
 * @param labels c: the same shape, in [0, 1]
 * @param weights w: one per prompt, not all zero
 */
export function scaledRoutingLoss(
  logits: readonly Float64Array[],
  labels: readonly Float64Array[],
  weights: readonly number[],
  kind: RoutingLoss = "bce",
): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (scale: number, term: "loss" | "slope"): number =>
    logits.reduce(
      (sum, row, prompt) => sum + weights[prompt]! * ROW_LOSSES[kind](scale, row, labels[prompt]!)[term],
      0,
    ) / total;
  // The loss is convex in the scale: its minimum is where the derivative changes sign.
  let [low, high] = [0, LARGEST_SCALE];
  for (let step = 0; step < BISECTIONS; step++) {
    const scale = (low + high) / 2;
    if (mean(scale, "slope") > 0) high = scale;
    else low = scale;
  }
  return mean((low + high) / 2, "loss");
}

/**
 * The mean over prompts of the score of the candidate with the largest logit (the paper's eval_reward).
 *
 * @param scores of one prompt's candidates, min-max normalised over them
 */
export function meanChosenScore(logits: readonly Float64Array[], scores: readonly Float64Array[]): number {
  return logits.reduce((sum, row, prompt) => sum + scores[prompt]![argmax(row)]!, 0) / logits.length;
}

/**
 * What is measured of a model on `records`, larger is better: the negative {@link scaledRoutingLoss} by the labels and weights of
 * training, or {@link meanChosenScore}.
 *
 * The loss moves with every prompt, whereas the score of the chosen model jumps by whole prompts: over a few hundred of them its
 * noise exceeds the difference between a trained and a half-trained model.
 *
 * @returns undefined when no record prefers one candidate to another, so that nothing can be measured
 */
export function createValidation(
  settings: LookaheadSettings,
  tokenizer: Tokenizer,
  records: readonly JudgedRecord[],
  backend: Backend,
  ranges: ReadonlyMap<string, ScoreRange> = benchmarkRanges(records, settings.candidates),
  bestBy: BestBy = "routing-loss",
): ((parameters: Parameters) => Promise<number>) | undefined {
  const encoded = encodeRecords(settings, tokenizer, records, undefined, ranges);
  const isMeasured = (_: unknown, index: number): boolean => encoded[index]!.weight > 0;
  const examples = encoded.filter(isMeasured);
  if (examples.length === 0) return undefined;
  const scores = records
    .filter(isMeasured)
    .map((record) => normaliseWithinPrompt(candidateScores(record, settings.candidates)));
  const prompts = examples.map(({ prompt }) => prompt);
  const labels = examples.map((example) => example.labels);
  const weights = examples.map(({ weight }) => weight);
  let router: LookaheadRouter | undefined;
  return async (parameters) => {
    // Parameters are trained in place, so one router sees every later state of them.
    router ??= new LookaheadRouter("validation", settings, parameters, tokenizer, backend);
    const logits = await router.scoresOfPrompts(prompts);
    return bestBy === "score"
      ? meanChosenScore(logits, scores)
      : -scaledRoutingLoss(logits, labels, weights, settings.routingLoss);
  };
}
