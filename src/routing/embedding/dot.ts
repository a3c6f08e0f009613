/**
 * Dot product of `length` values from each offset. Four partial sums, because one alone makes every addition
 * wait for the one before it.
 */
export function dot(
  a: Float32Array | Float64Array,
  aOffset: number,
  b: Float32Array | Float64Array,
  bOffset: number,
  length: number,
): number {
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let k = 0;
  for (; k + 3 < length; k += 4) {
    sum0 += a[aOffset + k]! * b[bOffset + k]!;
    sum1 += a[aOffset + k + 1]! * b[bOffset + k + 1]!;
    sum2 += a[aOffset + k + 2]! * b[bOffset + k + 2]!;
    sum3 += a[aOffset + k + 3]! * b[bOffset + k + 3]!;
  }
  for (; k < length; k++) sum0 += a[aOffset + k]! * b[bOffset + k]!;
  return sum0 + sum1 + (sum2 + sum3);
}
