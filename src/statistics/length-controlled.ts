/**
 * Length-controlled win rate of AlpacaEval 2 (arXiv 2404.04475), as the data pack defines its approximation.
 *
 * Per prompt: y the judged win probability, D the reference's length minus the answer's in characters, t =
 * tanh(D / s) with s the sample standard deviation of D, d the prompt's difficulty. a, b, c maximise
 *
 *   sum[y ln p + (1 - y) ln(1 - p)] - 1/2 [14.49 (a + 1.6)^2 + 32.2 v (b - 0.76)^2],  p = sigmoid(a t + b d + c)
 *
 * with v the population variance of d. The win rate is 100 x mean sigmoid(b d + c): the fitted one at equal length.
 */

const LENGTH_PENALTY = 14.49;
const LENGTH_CENTRE = -1.6;
const DIFFICULTY_PENALTY = 32.2;
const DIFFICULTY_CENTRE = 0.76;
const MAX_NEWTON_STEPS = 50;

export interface LengthControlledInputs {
  /** y, in [0, 1] */
  readonly winProbabilities: Float64Array;
  /** D, in characters */
  readonly lengthDifferences: Float64Array;
  /** d */
  readonly difficulties: Float64Array;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function sampleDeviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1),
  );
}

/** Solves the symmetric 3 x 3 system by Cramer's rule. */
function solve3(m: readonly number[], r: readonly number[]): [number, number, number] {
  const [a, b, c, d, e, f] = m as [number, number, number, number, number, number];
  const [x, y, z] = r as [number, number, number];
  const determinant = a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d);
  return [
    (x * (d * f - e * e) - b * (y * f - e * z) + c * (y * e - d * z)) / determinant,
    (a * (y * f - e * z) - x * (b * f - c * e) + c * (b * z - c * y)) / determinant,
    (a * (d * z - y * e) - b * (b * z - y * c) + x * (b * e - c * d)) / determinant,
  ];
}

export interface LengthControl {
  /** a, b, c */
  readonly coefficients: readonly [number, number, number];
  /** s: sample standard deviation of the length differences, in characters */
  readonly deviation: number;
}

/** What length adds to the fitted win probability of one answer: sigmoid(a t + b d + c) - sigmoid(b d + c). */
export function lengthEffect(
  { coefficients: [a, b, c], deviation }: LengthControl,
  lengthDifference: number,
  difficulty: number,
): number {
  const term = deviation > 0 ? Math.tanh(lengthDifference / deviation) : 0;
  return sigmoid(a * term + b * difficulty + c) - sigmoid(b * difficulty + c);
}

/** The win rate in percent at equal length. */
export function lengthControlledWinRate(inputs: LengthControlledInputs): number {
  const [, b, c] = fitLengthControl(inputs).coefficients;
  const { difficulties } = inputs;
  return (
    (100 * difficulties.reduce((sum, difficulty) => sum + sigmoid(b * difficulty + c), 0)) /
    difficulties.length
  );
}

/** Newton's method from 0 on a concave objective. */
export function fitLengthControl({
  winProbabilities: y,
  lengthDifferences,
  difficulties: d,
}: LengthControlledInputs): LengthControl {
  const n = y.length;
  const deviation = sampleDeviation(lengthDifferences);
  const t = lengthDifferences.map((difference) => (deviation > 0 ? Math.tanh(difference / deviation) : 0));
  const meanDifficulty = d.reduce((sum, value) => sum + value, 0) / n;
  const variance = d.reduce((sum, value) => sum + (value - meanDifficulty) ** 2, 0) / n;
  const penaltyB = DIFFICULTY_PENALTY * variance;
  let [a, b, c] = [0, 0, 0];
  for (let step = 0; step < MAX_NEWTON_STEPS; step++) {
    let [ga, gb, gc] = [-LENGTH_PENALTY * (a - LENGTH_CENTRE), -penaltyB * (b - DIFFICULTY_CENTRE), 0];
    let [haa, hab, hac, hbb, hbc, hcc] = [LENGTH_PENALTY, 0, 0, penaltyB, 0, 1e-9];
    for (let index = 0; index < n; index++) {
      const [ti, di] = [t[index]!, d[index]!];
      const p = sigmoid(a * ti + b * di + c);
      const residual = y[index]! - p;
      const weight = p * (1 - p);
      ga += residual * ti;
      gb += residual * di;
      gc += residual;
      haa += weight * ti * ti;
      hab += weight * ti * di;
      hac += weight * ti;
      hbb += weight * di * di;
      hbc += weight * di;
      hcc += weight;
    }
    const [da, db, dc] = solve3([haa, hab, hac, hbb, hbc, hcc], [ga, gb, gc]);
    a += da;
    b += db;
    c += dc;
    if (Math.abs(da) + Math.abs(db) + Math.abs(dc) < 1e-10) break;
  }
  return { coefficients: [a, b, c], deviation };
}
