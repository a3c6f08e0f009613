/** Symmetric positive definite systems. */

/**
 * Solves A x = b by Cholesky's decomposition.
 *
 * @param matrix - [n, n] row-major, symmetric; left as it is
 * @returns undefined when A is not positive definite
 */
export function solvePositiveDefinite(matrix: Float64Array, b: Float64Array): Float64Array | undefined {
  const n = b.length;
  const factor = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * n + column]!;
      for (let k = 0; k < column; k++) sum -= factor[row * n + k]! * factor[column * n + k]!;
      if (row === column) {
        if (!(sum > 0)) return undefined;
        factor[row * n + row] = Math.sqrt(sum);
      } else factor[row * n + column] = sum / factor[column * n + column]!;
    }
  }
  const x = b.slice();
  for (let row = 0; row < n; row++) {
    for (let k = 0; k < row; k++) x[row]! -= factor[row * n + k]! * x[k]!;
    x[row]! /= factor[row * n + row]!;
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let k = row + 1; k < n; k++) x[row]! -= factor[k * n + row]! * x[k]!;
    x[row]! /= factor[row * n + row]!;
  }
  return x;
}
