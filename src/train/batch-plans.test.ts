import { describe, expect, test } from "vitest";
import { RandomStream } from "../tensor/random.ts";
import { type BatchPlans, planBatches } from "./batch-plans.ts";
import { packFirstFitDecreasing } from "./packing.ts";

const randomLengths = (seed: number, count: number, most: number): number[] => {
  const stream = new RandomStream({ seed, stream: 1 });
  return Array.from({ length: count }, () => 1 + stream.nextInteger(most));
};

/** The definition, by looking at every row. */
function packedByScan(lengths: readonly number[], tokensPerRow: number): number[][] {
  const rows: { members: number[]; room: number }[] = [];
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]!);
  for (const index of order) {
    let row = rows.find(({ room }) => room >= lengths[index]!);
    if (!row) {
      row = { members: [], room: tokensPerRow };
      rows.push(row);
    }
    row.members.push(index);
    row.room -= lengths[index]!;
  }
  return rows.map(({ members }) => members);
}

describe("first-fit decreasing", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("is what a scan of all rows gives, seed %i", (seed) => {
    const lengths = randomLengths(seed, 1 + seed * 37, 64);
    const rows = packFirstFitDecreasing(lengths, 64);
    expect(rows).toEqual(packedByScan(lengths, 64));
    const used = lengths.reduce((sum, length) => sum + length, 0);
    expect(rows.length).toBeLessThanOrEqual((11 / 9) * Math.ceil(used / 64) + 4);
  });

  test("packs a hundred thousand sequences", () => {
    const lengths = randomLengths(9, 100_000, 512);
    const rows = packFirstFitDecreasing(lengths, 512);
    expect(rows.flat().length).toBe(lengths.length);
    expect(lengths.reduce((sum, length) => sum + length, 0) / (rows.length * 512)).toBeGreaterThan(0.98);
  });

  test("nothing gives no rows, too long is refused", () => {
    expect(packFirstFitDecreasing([], 8)).toEqual([]);
    for (const lengths of [[3, 9], [0]]) {
      expect(() => packFirstFitDecreasing(lengths, 8)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    }
  });
});

describe.each([
  ["packed", { kind: "packed", tokensPerRow: 64, rowsPerBatch: 3 }],
  ["length buckets", { kind: "length-buckets", bucketTokens: [64, 16, 32], rowsPerBatch: 5 }],
] as const)("%s", (_, batching) => {
  const lengths = randomLengths(3, 101, 64);
  const allOf = (plans: BatchPlans, epoch: number) =>
    Array.from({ length: plans.batchesPerEpoch }, (_, index) =>
      plans.batch(epoch * plans.batchesPerEpoch + index),
    );

  test("every sequence comes once an epoch and fits", () => {
    const plans = planBatches(lengths, batching, 1);
    for (const epoch of [0, 1, 2]) {
      const batches = allOf(plans, epoch);
      const seen = batches.flatMap(({ rows }) => rows.flat()).sort((a, b) => a - b);
      expect(seen).toEqual(lengths.map((_, index) => index));
      for (const { tokens, rows } of batches) {
        expect(rows.length).toBeLessThanOrEqual(batching.rowsPerBatch);
        for (const row of rows) {
          expect(row.reduce((sum, index) => sum + lengths[index]!, 0)).toBeLessThanOrEqual(tokens);
        }
      }
    }
  });

  test("a function of seed and number, other each epoch", () => {
    const [first, again, other] = [
      planBatches(lengths, batching, 1),
      planBatches(lengths, batching, 1),
      planBatches(lengths, batching, 2),
    ];
    // Asked in another order: epoch 2 before epoch 0.
    const late = again.batch(2 * again.batchesPerEpoch);
    expect(allOf(again, 0)).toEqual(allOf(first, 0));
    expect(late).toEqual(first.batch(2 * first.batchesPerEpoch));
    expect(allOf(first, 1)).not.toEqual(allOf(first, 0));
    expect(allOf(other, 0)).not.toEqual(allOf(first, 0));
  });
});

test("a bucket is the smallest that holds the sequence", () => {
  const plans = planBatches(
    [3, 16, 17, 60],
    { kind: "length-buckets", bucketTokens: [16, 32, 64], rowsPerBatch: 8 },
    0,
  );
  const batches = [0, 1, 2].map((number) => plans.batch(number)).sort((a, b) => a.tokens - b.tokens);
  expect(plans.batchesPerEpoch).toBe(3);
  expect(batches.map(({ tokens, rows }) => [tokens, rows.flat().sort((a, b) => a - b)])).toEqual([
    [16, [0, 1]],
    [32, [2]],
    [64, [3]],
  ]);
});

test.each([
  [{ kind: "length-buckets", bucketTokens: [16], rowsPerBatch: 2 } as const, [17]],
  [{ kind: "packed", tokensPerRow: 16, rowsPerBatch: 0 } as const, [3]],
  [{ kind: "packed", tokensPerRow: 1.5, rowsPerBatch: 1 } as const, [1]],
])("what cannot be planned is refused", (batching, lengths) => {
  expect(() => planBatches(lengths, batching, 0)).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});
