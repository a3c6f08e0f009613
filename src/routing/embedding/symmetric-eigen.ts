/**
 * Eigenvalues and eigenvectors of a dense symmetric matrix: Householder reduction to tridiagonal form, then
 * implicitly shifted QR steps. O(n^3), meant for n up to about a thousand.
 *
 * Source: Golub and Van Loan, Matrix Computations, 4th edition, sections 8.3.1 and 8.3.3.
 */
import { assert } from "../../support/errors.ts";

export interface SymmetricEigen {
  /** Descending. */
  readonly values: Float64Array;
  /** [n, n] row-major; row i is the unit eigenvector of `values[i]`. */
  readonly vectors: Float64Array;
}

/** QR steps allowed per eigenvalue; two or three are usual. */
const MAX_STEPS_PER_VALUE = 60;

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** offDiagonal[i] couples i and i + 1. */
  readonly offDiagonal: Float64Array;
  /** [n, n] row-major Q^T with matrix = Q T Q^T. */
  readonly basis: Float64Array;
}

/** One reflection per column: v = x + sign(x_0) |x| e_1 zeroes all of x but its first entry. */
function tridiagonalise(matrix: Float64Array, size: number): Tridiagonal {
  const a = Float64Array.from(matrix);
  const reflections: Array<Float64Array | undefined> = [];
  const product = new Float64Array(size);
  for (let column = 0; column + 2 < size; column++) {
    const first = column + 1;
    const v = new Float64Array(size);
    let squared = 0;
    for (let row = first; row < size; row++) {
      v[row] = a[row * size + column]!;
      squared += v[row]! * v[row]!;
    }
    if (squared - v[first]! * v[first]! === 0) {
      reflections.push(undefined);
      continue;
    }
    v[first]! += v[first]! < 0 ? -Math.sqrt(squared) : Math.sqrt(squared);
    let length = 0;
    for (let row = first; row < size; row++) length += v[row]! * v[row]!;
    const scale = 1 / Math.sqrt(length);
    for (let row = first; row < size; row++) v[row]! *= scale;
    // A <- H A H with H = I - 2 v v^T, as the rank-two update A - 2 v w^T - 2 w v^T, w = A v - (v^T A v) v.
    let quadratic = 0;
    for (let row = column; row < size; row++) {
      let sum = 0;
      for (let other = first; other < size; other++) sum += a[row * size + other]! * v[other]!;
      product[row] = sum;
      quadratic += v[row]! * sum;
    }
    for (let row = column; row < size; row++) product[row]! -= quadratic * v[row]!;
    for (let row = column; row < size; row++) {
      const twiceV = 2 * v[row]!;
      const twiceW = 2 * product[row]!;
      for (let other = column; other < size; other++) {
        a[row * size + other]! -= twiceV * product[other]! + twiceW * v[other]!;
      }
    }
    reflections.push(v);
  }
  return {
    diagonal: Float64Array.from({ length: size }, (_, index) => a[index * size + index]!),
    offDiagonal: Float64Array.from({ length: Math.max(0, size - 1) }, (_, i) => a[(i + 1) * size + i]!),
    basis: transposedProduct(reflections, size),
  };
}

/** (H_0 H_1 ... )^T. The product is built from its last factor, so that each update is row-wise. */
function transposedProduct(reflections: ReadonlyArray<Float64Array | undefined>, size: number): Float64Array {
  const q = new Float64Array(size * size);
  for (let index = 0; index < size; index++) q[index * size + index] = 1;
  const product = new Float64Array(size);
  for (let step = reflections.length - 1; step >= 0; step--) {
    const v = reflections[step];
    if (v === undefined) continue;
    product.fill(0);
    for (let row = step + 1; row < size; row++) {
      for (let column = 0; column < size; column++) product[column]! += v[row]! * q[row * size + column]!;
    }
    for (let row = step + 1; row < size; row++) {
      const twice = 2 * v[row]!;
      for (let column = 0; column < size; column++) q[row * size + column]! -= twice * product[column]!;
    }
  }
  const transposed = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) transposed[column * size + row] = q[row * size + column]!;
  }
  return transposed;
}

/** Rotates rows `row` and `row + 1` of the basis by (cosine, sine). */
function rotateRows(basis: Float64Array, size: number, row: number, cosine: number, sine: number): void {
  const upper = row * size;
  const lower = upper + size;
  for (let column = 0; column < size; column++) {
    const x = basis[upper + column]!;
    const y = basis[lower + column]!;
    basis[upper + column] = cosine * x + sine * y;
    basis[lower + column] = cosine * y - sine * x;
  }
}

/** One implicit QR step with Wilkinson's shift on the unreduced block first..last. */
function implicitStep(
  { diagonal: d, offDiagonal: e, basis }: Tridiagonal,
  first: number,
  last: number,
): void {
  const half = (d[last - 1]! - d[last]!) / 2;
  const coupling = e[last - 1]!;
  const denominator = half + (half < 0 ? -Math.hypot(half, coupling) : Math.hypot(half, coupling));
  const shift = d[last]! - (coupling * coupling) / denominator;
  let x = d[first]! - shift;
  let bulge = e[first]!;
  for (let k = first; k < last; k++) {
    const radius = Math.hypot(x, bulge);
    const cosine = radius === 0 ? 1 : x / radius;
    const sine = radius === 0 ? 0 : bulge / radius;
    if (k > first) e[k - 1] = radius;
    const a = d[k]!;
    const b = e[k]!;
    const c = d[k + 1]!;
    const cross = 2 * cosine * sine * b;
    d[k] = cosine * cosine * a + cross + sine * sine * c;
    d[k + 1] = sine * sine * a - cross + cosine * cosine * c;
    e[k] = cosine * sine * (c - a) + (cosine * cosine - sine * sine) * b;
    if (k + 1 < last) {
      x = e[k]!;
      bulge = sine * e[k + 1]!;
      e[k + 1]! *= cosine;
    }
    rotateRows(basis, d.length, k, cosine, sine);
  }
}

/** @param matrix - [size, size] row-major, symmetric and finite; not modified */
export function symmetricEigen(matrix: Float64Array, size: number): SymmetricEigen {
  const tridiagonal = tridiagonalise(matrix, size);
  const { diagonal: d, offDiagonal: e, basis } = tridiagonal;
  let stepsLeft = MAX_STEPS_PER_VALUE * size;
  for (let last = size - 1; last > 0; ) {
    for (let k = 0; k < last; k++) {
      if (Math.abs(e[k]!) <= Number.EPSILON * (Math.abs(d[k]!) + Math.abs(d[k + 1]!))) e[k] = 0;
    }
    if (e[last - 1] === 0) {
      last--;
      continue;
    }
    let first = last - 1;
    while (first > 0 && e[first - 1] !== 0) first--;
    assert(stepsLeft-- > 0, "symmetricEigen: no convergence; the matrix is not finite or not symmetric");
    implicitStep(tridiagonal, first, last);
  }
  const order = Array.from(d.keys()).sort((a, b) => d[b]! - d[a]! || a - b);
  const vectors = new Float64Array(size * size);
  for (const [row, source] of order.entries()) {
    vectors.set(basis.subarray(source * size, (source + 1) * size), row * size);
  }
  return { values: Float64Array.from(order, (source) => d[source]!), vectors };
}
