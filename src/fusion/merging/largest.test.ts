import { expect, test } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { selectLargest } from "./largest.ts";

const PIECE = 64;

/** What is kept of `values`, seen in pieces. */
async function kept(
  values: Float32Array,
  countOf: (size: number, nonZero: number) => number,
): Promise<number[]> {
  const pieces = Array.from({ length: Math.ceil(values.length / PIECE) }, (_, index) =>
    values.subarray(index * PIECE, (index + 1) * PIECE),
  );
  const [selection] = await selectLargest(
    1,
    async (visit) => {
      for (const piece of pieces) visit([piece]);
    },
    countOf,
  );
  // Twice: a second pass begins anew.
  const passes = [0, 1].map(() =>
    pieces.flatMap((piece, index) => {
      const target = new Float32Array(piece.length);
      selection!.keep(piece, index * PIECE, [piece], [target]);
      return [...target];
    }),
  );
  expect(passes[1]).toEqual(passes[0]);
  return passes[0]!;
}

/** The same by sorting, ties in order. */
function bySorting(values: Float32Array, count: number): number[] {
  const order = [...values.keys()].sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
  const taken = new Set(order.slice(0, count));
  return [...values].map((value, index) => (taken.has(index) ? value : 0));
}

test("takes what sorting would take, whatever the values and the number", async () => {
  for (let trial = 0; trial < 60; trial++) {
    const random = new RandomStream({ seed: trial, stream: 0 });
    const length = 1 + random.nextInteger(300);
    // Few distinct values make ties; powers spread over all exponents.
    const values = Float32Array.from({ length }, () =>
      trial % 2 === 0 ? random.nextInteger(5) - 2 : random.nextNormal() * 10 ** (random.nextInteger(60) - 35),
    );
    for (const count of [0, 1, random.nextInteger(length + 1), length, length + 1]) {
      expect(await kept(values, () => count), `trial ${trial}, ${count} of ${length}`).toEqual(
        bySorting(values, count).map((value) => value + 0),
      );
    }
  }
});

test("the number may depend on how many are not zero", async () => {
  const values = Float32Array.of(0, 3, -0, -4, 1, 0);
  const seen: number[] = [];
  const result = await kept(values, (size, nonZero) => {
    seen.push(size, nonZero);
    return Math.floor(0.7 * nonZero);
  });
  expect(seen).toEqual([6, 3]);
  expect(result).toEqual([0, 3, 0, -4, 0, 0]);
});
