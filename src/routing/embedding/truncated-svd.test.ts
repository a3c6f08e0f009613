import { describe, expect, it } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { sparseRows, sparseTimesDense, sparseTransposedTimesDense } from "./sparse-rows.ts";
import { truncatedSvd } from "./truncated-svd.ts";

const key = { seed: 7, stream: 1 };

function fromDense(rows: number[][]) {
  return sparseRows(
    rows.map((row) => {
      const indices = Uint32Array.from(row.keys()).filter((column) => row[column] !== 0);
      return { indices, values: Float64Array.from(indices, (column) => row[column]!) };
    }),
    rows[0]!.length,
  );
}

describe("sparse products", () => {
  const matrix = fromDense([
    [1, 0, 2],
    [0, 0, 0],
    [0, 3, 0],
    [4, 5, 6],
  ]);

  it("equal the dense products", () => {
    expect([...sparseTimesDense(matrix, Float64Array.of(1, 10, 2, 20, 3, 30), 2)]).toEqual([
      7, 70, 0, 0, 6, 60, 32, 320,
    ]);
    expect([...sparseTransposedTimesDense(matrix, Float64Array.of(1, 2, 3, 4), 1)]).toEqual([17, 29, 26]);
  });
});

describe("truncatedSvd", () => {
  it("finds the singular values and vectors of a diagonal matrix", () => {
    const matrix = fromDense([
      [0, 0, 3, 0],
      [5, 0, 0, 0],
      [0, 2, 0, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ]);
    const { rank, singularValues, projection } = truncatedSvd(matrix, { rank: 2, powerIterations: 2, key });
    expect(rank).toBe(2);
    expect(singularValues[0]).toBeCloseTo(5, 10);
    expect(singularValues[1]).toBeCloseTo(3, 10);
    const magnitudes = [...projection].map((value) => Math.abs(value));
    for (const [index, expected] of [1, 0, 0, 0, 0, 1, 0, 0].entries()) {
      expect(magnitudes[index]).toBeCloseTo(expected, 8);
    }
  });

  it("recovers a low-rank matrix in full and reports its rank", () => {
    // 40 x 30 of rank 3, wider sketch than rank.
    const stream = new RandomStream({ seed: 3, stream: 2 });
    const draw = (count: number) => Array.from({ length: count }, () => stream.nextNormal());
    const left = Array.from({ length: 40 }, () => draw(3));
    const right = Array.from({ length: 3 }, () => draw(30));
    const dense = left.map((row) =>
      Array.from({ length: 30 }, (_, c) => row.reduce((sum, value, k) => sum + value * right[k]![c]!, 0)),
    );
    const { rank, projection } = truncatedSvd(fromDense(dense), { rank: 12, powerIterations: 1, key });
    expect(rank).toBe(3);
    // A V V^T = A when V spans the rows.
    for (const row of dense) {
      const coordinates = Array.from({ length: 3 }, (_, k) =>
        row.reduce((sum, value, c) => sum + value * projection[c * 3 + k]!, 0),
      );
      for (const [c, value] of row.entries()) {
        const rebuilt = coordinates.reduce((sum, part, k) => sum + part * projection[c * 3 + k]!, 0);
        expect(rebuilt).toBeCloseTo(value, 9);
      }
    }
  });

  it("is within one percent on the leading values of a slowly decaying spectrum", () => {
    // A diagonal, so the singular values are known: 1, 1/sqrt 2, 1/sqrt 3, ...
    const dense = Array.from({ length: 200 }, (_, r) =>
      Array.from({ length: 200 }, (_, c) => (r === c ? 1 / Math.sqrt(r + 1) : 0)),
    );
    const { singularValues } = truncatedSvd(fromDense(dense), { rank: 20, powerIterations: 2, key });
    for (const [index, value] of singularValues.subarray(0, 10).entries()) {
      expect(Math.abs(value * Math.sqrt(index + 1) - 1)).toBeLessThan(0.01);
    }
  });
});
