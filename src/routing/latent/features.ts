/**
 * From an embedding to the features that heads read: every dimension standardised, then the whole scaled to length 1.
 *
 *   z = (x - mean) / deviation,  features = z / |z|
 *
 * Encoders put much of their variance into a few dimensions and a common offset; standardised, cosines tell prompts of
 * one kind apart instead of telling prompts from other text.
 */

export interface Standardisation {
  /** [dimension] */
  readonly mean: Float64Array;
  /** [dimension], positive */
  readonly deviation: Float64Array;
}

/** @param x [rows, dimension] row-major */
export function fitStandardisation(x: Float32Array, dimension: number): Standardisation {
  const rows = x.length / dimension;
  const mean = new Float64Array(dimension);
  const square = new Float64Array(dimension);
  for (const [index, value] of x.entries()) mean[index % dimension]! += value / rows;
  for (const [index, value] of x.entries()) {
    square[index % dimension]! += (value - mean[index % dimension]!) ** 2 / rows;
  }
  // A dimension that never changes carries nothing; dividing by 1 leaves it at 0.
  return { mean, deviation: square.map((value) => Math.sqrt(value) || 1) };
}

/** Leaves embeddings of length 1 as they are. */
export const identityStandardisation = (dimension: number): Standardisation => ({
  mean: new Float64Array(dimension),
  deviation: new Float64Array(dimension).fill(1),
});

/** Features of each row of x, [rows, dimension] row-major. */
export function standardise({ mean, deviation }: Standardisation, x: Float32Array): Float32Array {
  const dimension = mean.length;
  const features = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += dimension) {
    let sum = 0;
    for (let k = 0; k < dimension; k++) {
      const value = (x[start + k]! - mean[k]!) / deviation[k]!;
      features[start + k] = value;
      sum += value * value;
    }
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let k = 0; k < dimension; k++) features[start + k]! *= scale;
  }
  return features;
}
