/** How far predicted answer lengths are from real ones, beside guessing each candidate's mean. */
import { type JudgedRecord, promptText } from "../../judged/index.ts";
import { answerTokenRow } from "./answer-tokens.ts";
import type { LengthModel } from "./length-model.ts";

export interface LengthErrors {
  /** Mean |predicted - real| in tokens. */
  readonly meanAbsolute: number;
  /** Mean |predicted - real| / real. */
  readonly meanAbsoluteShare: number;
  /** Sum of the predictions over the sum of the real lengths: 1 when costs add up right. */
  readonly totalRatio: number;
}

export function lengthErrors(
  predicted: readonly Float64Array[],
  real: readonly Float64Array[],
): LengthErrors {
  let [absolute, share, predictedTotal, realTotal, count] = [0, 0, 0, 0, 0];
  for (const [row, lengths] of real.entries()) {
    for (let column = 0; column < lengths.length; column++) {
      const difference = Math.abs(predicted[row]![column]! - lengths[column]!);
      absolute += difference;
      share += difference / lengths[column]!;
      predictedTotal += predicted[row]![column]!;
      realTotal += lengths[column]!;
      count++;
    }
  }
  return {
    meanAbsolute: absolute / count,
    meanAbsoluteShare: share / count,
    totalRatio: predictedTotal / realTotal,
  };
}

export interface LengthEvaluation {
  readonly model: LengthErrors;
  /** Each candidate's mean length over the training records, whatever the prompt. */
  readonly candidateMean: LengthErrors;
  /** Share of answers inside the predicted interval, which promises 0.8. */
  readonly coverage: number;
}

/** Errors on records that the model was not trained on. */
export async function evaluateLengths(
  model: LengthModel,
  training: readonly JudgedRecord[],
  heldOut: readonly JudgedRecord[],
): Promise<LengthEvaluation> {
  const { candidates } = model;
  const real = heldOut.map((record) => answerTokenRow(record, candidates));
  const estimates = await model.predict(heldOut.map(({ prompt }) => promptText(prompt)));
  const means = new Float64Array(candidates.length);
  for (const record of training) {
    const row = answerTokenRow(record, candidates);
    for (let column = 0; column < row.length; column++) means[column]! += row[column]! / training.length;
  }
  let inside = 0;
  for (const [row, lengths] of real.entries()) {
    const { low, high } = estimates[row]!;
    for (let column = 0; column < lengths.length; column++) {
      if (lengths[column]! >= low[column]! && lengths[column]! <= high[column]!) inside++;
    }
  }
  return {
    model: lengthErrors(
      estimates.map(({ mean }) => mean),
      real,
    ),
    candidateMean: lengthErrors(
      real.map(() => means),
      real,
    ),
    coverage: inside / (real.length * candidates.length),
  };
}
