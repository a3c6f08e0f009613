/** What every baseline learns from: training prompts and their scores, checked once. */
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import { candidateScores, normaliseWithinPrompt } from "../labels.ts";

/** Prompts pooled over all benchmarks, unbalanced, as the paper's kNN and k-means baselines have them. */
export interface TrainingData {
  readonly candidates: readonly string[];
  readonly ids: readonly string[];
  readonly prompts: readonly string[];
  readonly domains: readonly string[];
  /** Judged scores, one row per prompt. */
  readonly scores: readonly Float64Array[];
  /** Scores min-max normalised within each prompt. */
  readonly normalised: readonly Float64Array[];
}

/** @throws {TuttiError} INVALID_ARGUMENT for no or repeated candidates */
export function checkCandidates(candidates: readonly string[]): void {
  if (candidates.length === 0 || new Set(candidates).size !== candidates.length) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `candidates are [${candidates.join(", ")}], expected distinct names`,
      {
        details: { candidates },
      },
    );
  }
}

/** @throws {TuttiError} DATASET_INVALID for no records */
export function checkRecords(records: readonly JudgedRecord[]): void {
  if (records.length === 0) {
    throw new TuttiError("DATASET_INVALID", "no training records, expected at least one", {
      hint: "check the files and the split that were named",
    });
  }
}

/**
 * @throws {TuttiError} INVALID_ARGUMENT for no or repeated candidates; DATASET_INVALID for no records;
 * RECORD_INVALID when a record lacks a candidate's finite score
 */
export function trainingData(records: readonly JudgedRecord[], candidates: readonly string[]): TrainingData {
  checkCandidates(candidates);
  checkRecords(records);
  const scores = records.map((record) => candidateScores(record, candidates));
  return {
    candidates: [...candidates],
    ids: records.map((record) => record.id),
    prompts: records.map((record) => promptText(record.prompt)),
    domains: records.map((record) => record.benchmark),
    scores,
    normalised: scores.map(normaliseWithinPrompt),
  };
}

/** Mean of equally long rows; zeros when there is none. */
export function meanRow(rows: readonly Float64Array[], width: number): Float64Array {
  const mean = new Float64Array(width);
  for (const row of rows) {
    for (let column = 0; column < width; column++) mean[column]! += row[column]! / rows.length;
  }
  return mean;
}

/** Equally long rows as one row-major matrix. */
export function flattenRows(rows: readonly Float64Array[], width: number): Float64Array {
  const matrix = new Float64Array(rows.length * width);
  for (const [index, row] of rows.entries()) matrix.set(row, index * width);
  return matrix;
}
