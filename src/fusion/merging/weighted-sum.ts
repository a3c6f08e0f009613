/**
 * Sums over models, in float64. Each loop over the elements has a function of its own: V8 optimises a function of several loops while
 * the first one runs, knows nothing of the others then, and throws the code away behind it, piece after piece.
 */

/** sums += factor values */
export function addScaled(sums: Float64Array, values: Float32Array, factor: number): void {
  for (let index = 0; index < values.length; index++) sums[index]! += factor * values[index]!;
}

/** quotients = sums / divisor */
export function divide(sums: Float64Array, divisor: number, quotients: Float32Array | Float64Array): void {
  for (let index = 0; index < sums.length; index++) quotients[index] = sums[index]! / divisor;
}

/** merged = base + sum_k w_k D_k */
export function addWeighted(
  base: Float32Array,
  deltas: readonly Float32Array[],
  weights: readonly number[],
  merged: Float32Array,
): void {
  const sums = Float64Array.from(base);
  for (const [model, delta] of deltas.entries()) addScaled(sums, delta, weights[model]!);
  merged.set(sums);
}

/** 1 in place of a sum of weights that cancel, of which rounding leaves some 1e-17. */
export const usableDivisor = (sum: number): number => (Math.abs(sum) > 1e-8 ? sum : 1);

/** lambda w_k, over their sum where the merged task vector is the mean of the models'. */
export function scaledWeights(weights: readonly number[], scale: number, isNormalised: boolean): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const divisor = isNormalised ? usableDivisor(sum) : 1;
  return weights.map((weight) => (scale * weight) / divisor);
}

/** The sum of squares. */
export function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index]! * values[index]!;
  return sum;
}

/** Arrays for the pieces of a tensor, one a model; made anew only for the last piece, which may be shorter. */
export function createScratch(models: number): (length: number) => Float32Array[] {
  let arrays: Float32Array[] = [];
  return (length) => {
    if (arrays[0]?.length !== length) arrays = Array.from({ length: models }, () => new Float32Array(length));
    return arrays;
  };
}
