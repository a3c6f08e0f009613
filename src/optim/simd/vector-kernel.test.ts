import { describe, expect, test } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { abs, add, div, mul, selectGreater, sqrt, sub, sumOfSquares, vectorKernel } from "./vector-kernel.ts";

const f = Math.fround;

function values(length: number, seed: number): Float32Array {
  const random = new RandomStream({ seed, stream: 1 });
  return Float32Array.from({ length }, () => random.nextNormal());
}

/** Around the vector width and the slice length. */
const LENGTHS = [0, 1, 3, 4, 5, 8191, 8192, 8193, 20_001];

describe.each(LENGTHS)("%i elements", (length) => {
  test("every operator equals float32 arithmetic bit for bit", () => {
    const kernel = vectorKernel(["a", "b", "out"], ["s"], ({ arrays: { a, b }, scalars: { s }, keep }) => {
      const root = keep(sqrt(abs(sub(a, b))));
      return { out: selectGreater(a, b, div(mul(a, s), add(root, s)), root) };
    });
    const [a, b, out] = [values(length, 1), values(length, 2), new Float32Array(length)];
    kernel({ a, b, out }, { s: 0.3 });
    const s = f(0.3);
    const expected = a.map((x, index) => {
      const y = b[index]!;
      const root = f(Math.sqrt(Math.abs(f(x - y))));
      return x > y ? f(f(x * s) / f(root + s)) : root;
    });
    expect(out).toEqual(expected);
  });

  test("new values are computed from old ones and other arrays stay", () => {
    const swap = vectorKernel(["a", "b", "c"], [], ({ arrays: { a, b } }) => ({ a: b, b: a }));
    const [a, b, c] = [values(length, 3), values(length, 4), values(length, 5)];
    const [a0, b0, c0] = [a.slice(), b.slice(), c.slice()];
    swap({ a, b, c }, {});
    expect([a, b, c]).toEqual([b0, a0, c0]);
  });

  test("sum of squares is accumulated in float64", () => {
    const array = values(length, 6);
    const expected = array.reduce((sum, x) => sum + x * x, 0);
    expect(sumOfSquares(array)).toBeCloseTo(expected, 6);
  });
});

test("a sum of squares sees infinities and NaN, and leftovers of a longer array do not count", () => {
  sumOfSquares(new Float32Array(100).fill(7));
  expect(sumOfSquares(Float32Array.of(3, 4))).toBe(25);
  expect(sumOfSquares(Float32Array.of(1, Infinity, 0))).toBe(Infinity);
  expect(sumOfSquares(Float32Array.of(1, NaN, 0))).toBeNaN();
});

test("arrays of different lengths are refused", () => {
  const copy = vectorKernel(["a", "b"], [], ({ arrays: { a } }) => ({ b: a }));
  expect(() => copy({ a: new Float32Array(3), b: new Float32Array(4) }, {})).toThrow(/one length/);
});
