import { describe, expect, it } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

function randomSymmetric(size: number, seed: number): Float64Array {
  const stream = new RandomStream({ seed, stream: 1 });
  const matrix = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const value = stream.nextNormal();
      matrix[row * size + column] = value;
      matrix[column * size + row] = value;
    }
  }
  return matrix;
}

/** Largest |(A v - value v)_i| and |v_a . v_b - delta_ab|. */
function residual(matrix: Float64Array, size: number): number {
  const { values, vectors } = symmetricEigen(matrix, size);
  let worst = 0;
  for (let a = 0; a < size; a++) {
    const v = vectors.subarray(a * size, (a + 1) * size);
    for (let row = 0; row < size; row++) {
      let sum = 0;
      for (let column = 0; column < size; column++) sum += matrix[row * size + column]! * v[column]!;
      worst = Math.max(worst, Math.abs(sum - values[a]! * v[row]!));
    }
    for (let b = 0; b < size; b++) {
      let dot = 0;
      for (let k = 0; k < size; k++) dot += v[k]! * vectors[b * size + k]!;
      worst = Math.max(worst, Math.abs(dot - (a === b ? 1 : 0)));
    }
  }
  return worst;
}

describe("symmetricEigen", () => {
  it("solves a matrix with known eigenvalues", () => {
    // Second differences on 3 points: 2 + sqrt 2, 2, 2 - sqrt 2.
    const { values } = symmetricEigen(Float64Array.from([2, -1, 0, -1, 2, -1, 0, -1, 2]), 3);
    expect(values[0]).toBeCloseTo(2 + Math.SQRT2, 12);
    expect(values[1]).toBeCloseTo(2, 12);
    expect(values[2]).toBeCloseTo(2 - Math.SQRT2, 12);
  });

  it.each([1, 2, 3, 4, 7, 40, 120])("satisfies A v = value v with orthonormal vectors, size %i", (size) => {
    expect(residual(randomSymmetric(size, size), size)).toBeLessThan(1e-11 * Math.max(10, size));
  });

  it("handles diagonal, zero, repeated-value and low-rank matrices", () => {
    expect(residual(new Float64Array(25), 5)).toBe(0);
    const identity = new Float64Array(36).map((_, index) => (index % 7 === 0 ? 1 : 0));
    expect(residual(identity, 6)).toBe(0);
    const ones = new Float64Array(64).fill(1);
    expect(residual(ones, 8)).toBeLessThan(1e-13);
    expect(symmetricEigen(ones, 8).values[0]).toBeCloseTo(8, 12);
    const graded = new Float64Array(16).map((_, index) =>
      index % 5 === 0 ? 10 ** (-4 * (index / 5)) : 1e-14,
    );
    expect(residual(graded, 4)).toBeLessThan(1e-13);
  });
});
