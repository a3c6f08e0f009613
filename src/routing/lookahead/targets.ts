/**
 * What the routing loss compares the logits with: one row of targets per prompt, made from judged scores.
 *
 * Source: Lookahead routing, arXiv 2510.19506, on labels; its released code for the other losses. A candidate that
 * was sampled several times has a soft label: the share of its samples that are good.
 */
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { absoluteScores, minMax, type ScoreRange, sampledScores, THRESHOLD_SLACK } from "../labels.ts";
import { argmax } from "../router.ts";
import type { LookaheadSettings } from "./settings.ts";

type TargetSettings = Pick<
  LookaheadSettings,
  "candidates" | "labels" | "normalisation" | "routingLoss" | "labelThreshold" | "temperature"
>;

/**
 * Targets of one prompt, from the scores of every candidate's samples after normalisation:
 *
 * - bce: share of a candidate's samples with s >= threshold x best s of the prompt (relative), or mean s (absolute)
 * - ce: 1 for the candidate with the largest mean s, the first of several, else 0
 * - kl, reverse-kl: softmax(mean s / temperature)
 * - mse: mean s
 *
 * @param range smallest and largest score of the prompt's benchmark
 */
export function targetsOf(
  settings: TargetSettings,
  scores: readonly Float64Array[],
  range: ScoreRange,
): Float64Array {
  const normalised = normalise(settings, scores, range);
  const means = Float64Array.from(normalised, (samples) => meanOf(samples));
  switch (settings.routingLoss) {
    case "bce": {
      if (settings.labels === "absolute") return means;
      const best = Math.max(...normalised.flatMap((samples) => [...samples]));
      const bar = settings.labelThreshold * best - THRESHOLD_SLACK;
      return Float64Array.from(normalised, (samples) => meanOf(samples.map((s) => (s >= bar ? 1 : 0))));
    }
    case "ce": {
      const best = argmax(means);
      return means.map((_, candidate) => (candidate === best ? 1 : 0));
    }
    case "kl":
    case "reverse-kl":
      return softmax(means.map((score) => score / settings.temperature));
    case "mse":
      return means;
  }
}

/**
 * Targets of every record, in order, and whether its candidates differ in mean score.
 *
 * @param ranges score ranges of the benchmarks, measured on training records
 * @throws {TuttiError} RECORD_INVALID as {@link sampledScores} does; DATASET_INVALID for a benchmark without a range
 */
export function recordTargets(
  settings: TargetSettings,
  records: readonly JudgedRecord[],
  ranges: ReadonlyMap<string, ScoreRange>,
): { readonly targets: Float64Array; readonly hasPreference: boolean }[] {
  return records.map((record) => {
    const range = ranges.get(record.benchmark);
    if (range === undefined) {
      throw new TuttiError(
        "DATASET_INVALID",
        `record ${JSON.stringify(record.id)}: no score range for benchmark ${JSON.stringify(record.benchmark)}`,
        { details: { recordId: record.id, benchmark: record.benchmark, known: [...ranges.keys()] } },
      );
    }
    const scores = sampledScores(record, settings.candidates);
    const means = scores.map(meanOf);
    return {
      targets: targetsOf(settings, scores, range),
      hasPreference: Math.max(...means) > Math.min(...means),
    };
  });
}

function normalise(
  { labels, normalisation }: TargetSettings,
  scores: readonly Float64Array[],
  range: ScoreRange,
): Float64Array[] {
  if (labels === "absolute") return scores.map((samples) => absoluteScores(samples, range));
  const all = scores.flatMap((samples) => [...samples]);
  const own = { min: Math.min(...all), max: Math.max(...all) };
  return scores.map((samples) => minMax(samples, normalisation === "prompt" ? own : range));
}

const meanOf = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function softmax(logits: Float64Array): Float64Array {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
