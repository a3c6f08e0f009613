/** Functions that neither overflow nor lose small values. */

/** softmax(x)_i = exp(x_i) / sum_j exp(x_j), shifted by the largest value so that nothing overflows. */
export function softmax(values: ArrayLike<number>): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) highest = Math.max(highest, values[index]!);
  const weights = Float64Array.from(values, (value) => Math.exp(value - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** 1 / (1 + exp(-x)), for any x without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const power = Math.exp(x);
  return power / (1 + power);
}

/** log(1 + exp(x)), for any x without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
