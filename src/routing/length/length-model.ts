/**
 * Expected answer length per candidate, from the prompt's embedding and length.
 *
 * log n_c = w_c x + b_c + e, by ridge regression. exp(w_c x + b_c) is a median; the mean is that times the smearing
 * factor, the mean of e^e over the leave-one-out errors. An interval holds the answer in eight of ten cases: the errors'
 * own 10 % and 90 % quantiles.
 *
 * Source: Duan, Smearing estimate: a nonparametric retransformation method, JASA 78, 1983.
 */
import { z } from "zod";
import { type JudgedRecord, promptText } from "../../judged/index.ts";
import { estimateTokens } from "../../pool/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { candidateColumn } from "../baselines/parts.ts";
import { fitRidge } from "../baselines/ridge.ts";
import type { BundleArrays, BundleContent } from "../bundle.ts";
import { dot } from "../embedding/dot.ts";
import type { Embedder } from "../embedding/index.ts";
import { answerTokenRow } from "./answer-tokens.ts";

/** Beside the embedding: log of the prompt's length and its square, which lets short and very long prompts differ. */
const LENGTH_FEATURES = 2;
/** Half decades from 0.01 to 1,000. */
const PENALTIES = Array.from({ length: 11 }, (_, index) => 10 ** (index / 2 - 2));
const INTERVAL = [0.1, 0.9] as const;
/** Below this, leave-one-out errors are too few for quantiles. */
export const FEWEST_LENGTH_PROMPTS = 20;
/** Prompts of e^8, about 3,000, tokens have a length feature of 1, the size of a whole embedding. */
const LOG_LENGTH_UNIT = 8;

/** Predictions for one prompt, one entry per candidate, in tokens. */
export interface LengthEstimate {
  readonly mean: Float64Array;
  /** One answer in ten is shorter. */
  readonly low: Float64Array;
  /** One answer in ten is longer. */
  readonly high: Float64Array;
}

export const lengthHeaderSchema = z.strictObject({
  candidates: z.array(z.string().min(1)).min(1),
  embedder: z.strictObject({ kind: z.string(), dimension: z.int().positive() }),
  penalty: z.number().positive(),
  trainingPrompts: z.int().positive(),
  /** By candidate, in order. */
  smearing: z.array(z.number().positive()),
  /** Quantiles of the errors of the log length, by candidate. */
  low: z.array(z.number()),
  high: z.array(z.number()),
  /** Longest recorded answer by candidate: predictions stop there. */
  longest: z.array(z.number().positive()),
});

export type LengthHeader = z.infer<typeof lengthHeaderSchema>;

/** [embedding, log length, its square]. */
function features(vector: Float32Array, prompt: string): Float64Array {
  const row = new Float64Array(vector.length + LENGTH_FEATURES);
  row.set(vector);
  const length = Math.log(Math.max(1, estimateTokens(prompt))) / LOG_LENGTH_UNIT;
  row[vector.length] = length;
  row[vector.length + 1] = length * length;
  return row;
}

export class LengthModel {
  readonly header: LengthHeader;
  readonly embedder: Embedder;
  /** [candidates, dimension + 2] row-major. */
  private readonly weights: Float64Array;
  private readonly intercepts: Float64Array;

  constructor(header: LengthHeader, embedder: Embedder, weights: Float64Array, intercepts: Float64Array) {
    this.header = header;
    this.embedder = embedder;
    this.weights = weights;
    this.intercepts = intercepts;
  }

  get candidates(): readonly string[] {
    return this.header.candidates;
  }

  async predict(prompts: readonly string[]): Promise<LengthEstimate[]> {
    const vectors = await this.embedder.embed(prompts);
    const { smearing, low, high, longest } = this.header;
    const width = this.embedder.dimension + LENGTH_FEATURES;
    return vectors.map((vector, index) => {
      const row = features(vector, prompts[index]!);
      const logs = this.intercepts.map((bias, c) => bias + dot(this.weights, c * width, row, 0, width));
      const tokens = (log: number, c: number): number => Math.min(longest[c]!, Math.max(1, Math.exp(log)));
      return {
        mean: logs.map((log, c) => tokens(log + Math.log(smearing[c]!), c)),
        low: logs.map((log, c) => tokens(log + low[c]!, c)),
        high: logs.map((log, c) => tokens(log + high[c]!, c)),
      };
    });
  }

  /**
   * The same model with one more candidate, learned alone: predictions for the others stay bit for bit.
   *
   * @param records with answers of `name`
   * @throws {TuttiError} as {@link trainLengthModel}
   */
  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<LengthModel> {
    const added = await trainLengthModel(records, [name], this.embedder);
    const joined = <T>(pick: (header: LengthHeader) => readonly T[]): T[] => [
      ...pick(this.header),
      ...pick(added.header),
    ];
    const header: LengthHeader = {
      ...this.header,
      candidates: joined(({ candidates }) => candidates),
      smearing: joined(({ smearing }) => smearing),
      low: joined(({ low }) => low),
      high: joined(({ high }) => high),
      longest: joined(({ longest }) => longest),
    };
    const weights = Float64Array.of(...this.weights, ...added.weights);
    const intercepts = Float64Array.of(...this.intercepts, ...added.intercepts);
    return new LengthModel(header, this.embedder, weights, intercepts);
  }

  /** @throws {TuttiError} UNKNOWN_CANDIDATE */
  withoutCandidate(name: string): LengthModel {
    const column = candidateColumn(this.candidates, name);
    const { candidates, smearing, low, high, longest } = this.header;
    const header: LengthHeader = {
      ...this.header,
      candidates: candidates.toSpliced(column, 1),
      smearing: smearing.toSpliced(column, 1),
      low: low.toSpliced(column, 1),
      high: high.toSpliced(column, 1),
      longest: longest.toSpliced(column, 1),
    };
    const width = this.embedder.dimension + LENGTH_FEATURES;
    return new LengthModel(
      header,
      this.embedder,
      this.weights.filter((_, position) => Math.floor(position / width) !== column),
      this.intercepts.filter((_, index) => index !== column),
    );
  }

  toContent(): BundleContent {
    return { header: this.header, arrays: { weights: this.weights, intercepts: this.intercepts } };
  }

  static fromContent(header: LengthHeader, arrays: BundleArrays, embedder: Embedder): LengthModel {
    const { length } = header.candidates;
    const weights = arrays.float64("weights", length * (header.embedder.dimension + LENGTH_FEATURES));
    return new LengthModel(header, embedder, weights, arrays.float64("intercepts", length));
  }
}

/** The value below which a share of sorted numbers lies, interpolated between neighbours. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/** Mean of e^error over the errors: what turns a predicted median into a mean. */
export function smearingFactor(errors: Float64Array): number {
  return errors.reduce((sum, error) => sum + Math.exp(error), 0) / errors.length;
}

/**
 * Learns from recorded answers: their `tokens`, or an estimate from their text.
 *
 * @throws {TuttiError} DATASET_INVALID for fewer than 20 records; RECORD_INVALID when one lacks a candidate's answer
 */
export async function trainLengthModel(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
): Promise<LengthModel> {
  if (records.length < FEWEST_LENGTH_PROMPTS) {
    throw new TuttiError(
      "DATASET_INVALID",
      `answer lengths: received ${records.length} records, expected at least ${FEWEST_LENGTH_PROMPTS}`,
    );
  }
  const prompts = records.map(({ prompt }) => promptText(prompt));
  const vectors = await embedder.embed(prompts);
  const tokens = records.map((record) => answerTokenRow(record, candidates));
  const [rows, targets] = [records.length, candidates.length];
  const width = embedder.dimension + LENGTH_FEATURES;
  const x = new Float64Array(rows * width);
  const y = new Float64Array(rows * targets);
  for (const [row, vector] of vectors.entries()) {
    x.set(features(vector, prompts[row]!), row * width);
    y.set(tokens[row]!.map(Math.log), row * targets);
  }
  const fit = fitRidge({ rows, features: width, targets, x, y }, PENALTIES);
  const errors = candidates.map((_, c) =>
    Float64Array.from({ length: rows }, (_, row) => fit.leaveOneOutResiduals[row * targets + c]!).sort(),
  );
  const header: LengthHeader = {
    candidates: [...candidates],
    embedder: { kind: embedder.kind, dimension: embedder.dimension },
    penalty: fit.lambda,
    trainingPrompts: rows,
    smearing: errors.map(smearingFactor),
    low: errors.map((sorted) => quantile(sorted, INTERVAL[0])),
    high: errors.map((sorted) => quantile(sorted, INTERVAL[1])),
    longest: candidates.map((_, c) => Math.max(...tokens.map((row) => row[c]!))),
  };
  return new LengthModel(header, embedder, fit.weights, fit.intercepts);
}
