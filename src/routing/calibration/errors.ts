/** Proper scores of expected qualities: lowest for the true expectation. */

/** Mean errors over held-out prompts and candidates. */
export interface CalibrationErrors {
  /** mean (p - y)^2 */
  readonly brier: number;
  /** mean -(y log p + (1 - y) log(1 - p)) */
  readonly logLoss: number;
}

/** log p and log(1 - p) stay finite: a curve may reach 0 and 1 where the data did. */
const PROBABILITY_MARGIN = 1e-9;

/** Errors of one prompt, over its candidates. */
function promptErrors(predicted: Float64Array, qualities: Float64Array): CalibrationErrors {
  let [brier, logLoss] = [0, 0];
  for (let column = 0; column < qualities.length; column++) {
    const y = qualities[column]!;
    const inside = Math.min(1 - PROBABILITY_MARGIN, Math.max(PROBABILITY_MARGIN, predicted[column]!));
    brier += (predicted[column]! - y) ** 2;
    logLoss -= y * Math.log(inside) + (1 - y) * Math.log(1 - inside);
  }
  return { brier: brier / qualities.length, logLoss: logLoss / qualities.length };
}

export function brierPerPrompt(
  predicted: readonly Float64Array[],
  qualities: readonly Float64Array[],
): Float64Array {
  return Float64Array.from(qualities, (row, index) => promptErrors(predicted[index]!, row).brier);
}

export function calibrationErrors(
  predicted: readonly Float64Array[],
  qualities: readonly Float64Array[],
): CalibrationErrors {
  let [brier, logLoss] = [0, 0];
  for (const [index, row] of qualities.entries()) {
    const own = promptErrors(predicted[index]!, row);
    brier += own.brier / qualities.length;
    logLoss += own.logLoss / qualities.length;
  }
  return { brier, logLoss };
}

/** Errors of expecting each candidate's mean quality whatever the prompt: what calibration has to beat. */
export function meanQualityErrors(qualities: readonly Float64Array[]): CalibrationErrors {
  const means = Float64Array.from(qualities[0] ?? [], (_, column) => {
    return qualities.reduce((sum, row) => sum + row[column]!, 0) / qualities.length;
  });
  return calibrationErrors(
    qualities.map(() => means),
    qualities,
  );
}
