/**
 * Training targets from judged scores: relative ("good for this prompt") and absolute ("good"), plus the
 * normalised scores that similarity-based routers average. Pure functions; nothing is read from a test prompt.
 *
 * Source: Lookahead routing, arXiv 2510.19506, section on label construction, and its released code.
 */
import { type JudgedRecord, samplesOf } from "../judged/record.ts";
import { TuttiError } from "../support/errors.ts";

/** A candidate is a good choice when it reaches this share of the prompt's best normalised score. */
export const RELATIVE_THRESHOLD = 0.8;

/** Guards `>=` against the rounding of a score that lies exactly on the threshold. */
export const THRESHOLD_SLACK = 1e-12;

/** Smallest and largest score of a benchmark over all prompts and candidates. */
export interface ScoreRange {
  readonly min: number;
  readonly max: number;
}

/** Targets of one prompt; every array has one entry per candidate, in candidate order. */
export interface RoutingTargets {
  readonly recordId: string;
  /** 0 or 1: within the top fifth of this prompt's score range. All ones when the candidates tie. */
  readonly relative: Float64Array;
  /** In [0, 1]: how good the answer is on the benchmark's own scale; 0 or 1 when a threshold was asked for. */
  readonly absolute: Float64Array;
  /** In [0, 1]: scores min-max normalised over this prompt's candidates. All zeros when the candidates tie. */
  readonly normalised: Float64Array;
}

export interface RoutingTargetOptions {
  /** Ranges measured on the training records; needed to label held-out records on the same scale. */
  readonly ranges?: ReadonlyMap<string, ScoreRange>;
  /** Turns soft absolute targets into 0/1 labels: 1 when the absolute score is at least this. */
  readonly absoluteThreshold?: number;
}

/**
 * Scores of one record in candidate order.
 *
 * @throws {TuttiError} RECORD_INVALID when a candidate has no answer in the record or its score is not finite
 */
export function candidateScores(record: JudgedRecord, candidates: readonly string[]): Float64Array {
  return Float64Array.from(candidates, (candidate) => {
    // Own properties only: a candidate may be called "constructor".
    const judged = Object.hasOwn(record.candidates, candidate) ? record.candidates[candidate] : undefined;
    if (judged === undefined) {
      throw new TuttiError(
        "RECORD_INVALID",
        `record ${JSON.stringify(record.id)}: candidates has no ${JSON.stringify(candidate)}, expected an answer of every candidate`,
        {
          details: { recordId: record.id, candidate, present: Object.keys(record.candidates) },
          hint: "drop the record, or train on the candidates that every record has",
        },
      );
    }
    if (!Number.isFinite(judged.score)) {
      throw new TuttiError(
        "RECORD_INVALID",
        `record ${JSON.stringify(record.id)}: candidates.${candidate}.score is ${judged.score}, expected a finite number`,
        { details: { recordId: record.id, candidate } },
      );
    }
    return judged.score;
  });
}

/**
 * Scores of every sampled answer: one array per candidate, of length 1 where it was asked once.
 *
 * @throws {TuttiError} as {@link candidateScores}; RECORD_INVALID for a sample without a finite score
 */
export function sampledScores(record: JudgedRecord, candidates: readonly string[]): Float64Array[] {
  candidateScores(record, candidates);
  return candidates.map((candidate) =>
    Float64Array.from(samplesOf(record.candidates[candidate]!), ({ score }) => {
      if (Number.isFinite(score)) return score;
      throw new TuttiError(
        "RECORD_INVALID",
        `record ${JSON.stringify(record.id)}: candidates.${candidate}.samples holds score ${score}, expected finite numbers`,
        { details: { recordId: record.id, candidate } },
      );
    }),
  );
}

/** Score range of each benchmark over all its records, the named candidates and their samples. */
export function benchmarkRanges(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
): Map<string, ScoreRange> {
  const ranges = new Map<string, ScoreRange>();
  for (const record of records) {
    const scores = sampledScores(record, candidates).flatMap((samples) => [...samples]);
    const known = ranges.get(record.benchmark);
    ranges.set(record.benchmark, {
      min: Math.min(known?.min ?? Number.POSITIVE_INFINITY, ...scores),
      max: Math.max(known?.max ?? Number.NEGATIVE_INFINITY, ...scores),
    });
  }
  return ranges;
}

/** (s - min) / (max - min), clamped to [0, 1]; zeros for an empty range, which distinguishes nothing. */
export function minMax(scores: Float64Array, range: ScoreRange): Float64Array {
  const width = range.max - range.min;
  if (!(width > 0)) return new Float64Array(scores.length);
  return scores.map((score) => Math.min(1, Math.max(0, (score - range.min) / width)));
}

/**
 * Min-max over the candidates of one prompt. The paper's code first applies the same map over the whole
 * benchmark; an increasing affine map leaves this one unchanged, so that step is not repeated here.
 */
export function normaliseWithinPrompt(scores: Float64Array): Float64Array {
  return minMax(scores, { min: Math.min(...scores), max: Math.max(...scores) });
}

/** c_t = 1 if s_t >= 0.8 max s, else 0, on {@link normaliseWithinPrompt} scores; a tie of all gives all ones. */
export function relativeLabels(scores: Float64Array): Float64Array {
  const normalised = normaliseWithinPrompt(scores);
  const bar = RELATIVE_THRESHOLD * Math.max(...normalised) - THRESHOLD_SLACK;
  return normalised.map((score) => (score >= bar ? 1 : 0));
}

/**
 * Scores on the benchmark's own scale, mapped to [0, 1]. Benchmarks already scored within [0, 1]
 * (correctness, pass shares, win probabilities) keep their scores, so that 0/1 correctness is its own label
 * even where every candidate is right; other scales are min-max normalised over the benchmark.
 */
export function absoluteScores(scores: Float64Array, range: ScoreRange): Float64Array {
  const isUnitScale = range.min >= 0 && range.max <= 1;
  return minMax(scores, isUnitScale ? { min: 0, max: 1 } : range);
}

/**
 * Targets of every record, in order.
 *
 * @throws {TuttiError} RECORD_INVALID for a missing or non-finite score; DATASET_INVALID when `options.ranges`
 * lacks a record's benchmark
 */
export function routingTargets(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  options: RoutingTargetOptions = {},
): RoutingTargets[] {
  const ranges = options.ranges ?? benchmarkRanges(records, candidates);
  const threshold = options.absoluteThreshold;
  return records.map((record) => {
    const scores = candidateScores(record, candidates);
    const range = ranges.get(record.benchmark);
    if (range === undefined) {
      throw new TuttiError(
        "DATASET_INVALID",
        `record ${JSON.stringify(record.id)}: no score range for benchmark ${JSON.stringify(record.benchmark)}`,
        {
          details: { recordId: record.id, benchmark: record.benchmark, known: [...ranges.keys()] },
          hint: "measure the ranges on training records that include this benchmark",
        },
      );
    }
    const soft = absoluteScores(scores, range);
    return {
      recordId: record.id,
      relative: relativeLabels(scores),
      absolute: threshold === undefined ? soft : soft.map((score) => (score >= threshold ? 1 : 0)),
      normalised: normaliseWithinPrompt(scores),
    };
  });
}
