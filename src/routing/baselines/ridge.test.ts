import { describe, expect, it } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { fitRidge, type RidgeProblem } from "./ridge.ts";

/** Solves a small square system by elimination with pivoting; independent of the code under test. */
function solve(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, index) => [...row, right[index]!]);
  const size = rows.length;
  for (let pivot = 0; pivot < size; pivot++) {
    const best = rows.slice(pivot).reduce((a, b) => (Math.abs(b[pivot]!) > Math.abs(a[pivot]!) ? b : a));
    const at = rows.indexOf(best);
    [rows[pivot], rows[at]] = [best, rows[pivot]!];
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = rows[row]![pivot]! / best[pivot]!;
      for (let k = pivot; k <= size; k++) rows[row]![k]! -= factor * best[k]!;
    }
  }
  return rows.map((row, index) => row[size]! / row[index]!);
}

/** Normal equations with an unpenalised constant column: weights then intercept, for one target. */
function closedForm(x: number[][], y: number[], lambda: number): number[] {
  const extended = x.map((row) => [...row, 1]);
  const size = extended[0]!.length;
  const gram = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, j) => {
      const penalty = i === j && i < size - 1 ? lambda : 0;
      return extended.reduce((sum, row) => sum + row[i]! * row[j]!, penalty);
    }),
  );
  const moment = Array.from({ length: size }, (_, i) =>
    extended.reduce((sum, row, n) => sum + row[i]! * y[n]!, 0),
  );
  return solve(gram, moment);
}

function randomProblem(rows: number, features: number, targets: number) {
  const stream = new RandomStream({ seed: 11, stream: rows });
  const x = Array.from({ length: rows }, () => Array.from({ length: features }, () => stream.nextNormal()));
  const y = x.map((row) =>
    Array.from({ length: targets }, (_, t) => 2 + row[t % features]! * (t + 1) + 0.5 * stream.nextNormal()),
  );
  const problem: RidgeProblem = {
    rows,
    features,
    targets,
    x: Float64Array.from(x.flat()),
    y: Float64Array.from(y.flat()),
  };
  return { x, y, problem };
}

describe("fitRidge", () => {
  it("gives the one-feature solution known by hand", () => {
    // Sxy / (Sxx + lambda) = 10 / (10 + 10), intercept = mean(y) - w mean(x).
    const problem = {
      rows: 5,
      features: 1,
      targets: 1,
      x: Float64Array.of(1, 2, 3, 4, 5),
      y: Float64Array.of(2, 3, 4, 5, 6),
    };
    const { weights, intercepts } = fitRidge(problem, [10]);
    expect(weights[0]).toBeCloseTo(0.5, 12);
    expect(intercepts[0]).toBeCloseTo(4 - 0.5 * 3, 12);
  });

  it("equals the normal equations for every target", () => {
    const { x, y, problem } = randomProblem(30, 4, 3);
    const { weights, intercepts } = fitRidge(problem, [2.5]);
    for (let target = 0; target < 3; target++) {
      const expected = closedForm(
        x,
        y.map((row) => row[target]!),
        2.5,
      );
      for (let k = 0; k < 4; k++) expect(weights[target * 4 + k]).toBeCloseTo(expected[k]!, 10);
      expect(intercepts[target]).toBeCloseTo(expected[4]!, 10);
    }
  });

  it("computes the leave-one-out error that refitting without each row gives, and picks its minimum", () => {
    const { x, y, problem } = randomProblem(14, 3, 2);
    const lambdas = [0.01, 1, 100, 10_000];
    const fit = fitRidge(problem, lambdas);
    const brute = lambdas.map((lambda) => {
      let total = 0;
      for (let out = 0; out < 14; out++) {
        for (let target = 0; target < 2; target++) {
          const kept = x.filter((_, row) => row !== out);
          const values = y.filter((_, row) => row !== out).map((row) => row[target]!);
          const solution = closedForm(kept, values, lambda);
          const predicted = x[out]!.reduce((sum, value, k) => sum + value * solution[k]!, solution[3]!);
          total += (y[out]![target]! - predicted) ** 2;
        }
      }
      return total / 28;
    });
    for (const [index, error] of brute.entries()) expect(fit.leaveOneOutErrors[index]).toBeCloseTo(error, 9);
    expect(fit.lambda).toBe(lambdas[brute.indexOf(Math.min(...brute))]);
  });

  it("falls back to the strongest penalty where leaving a row out is undefined", () => {
    const single = { rows: 1, features: 2, targets: 1, x: Float64Array.of(1, 0), y: Float64Array.of(3) };
    const fit = fitRidge(single, [1, 10]);
    expect(fit.lambda).toBe(10);
    expect([...fit.weights]).toEqual([0, 0]);
    expect(fit.intercepts[0]).toBe(3);
  });
});
