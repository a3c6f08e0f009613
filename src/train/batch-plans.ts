/** Which sequences go into which batch: pure functions of lengths, seed and batch number. */
import { TuttiError } from "../support/errors.ts";
import { permutation, type RandomKey, streamOf } from "../tensor/random.ts";
import { packFirstFitDecreasing } from "./packing.ts";

export interface BatchPlan {
  /** Tokens of every row. */
  readonly tokens: number;
  /** Indices of the sequences of each row. */
  readonly rows: readonly (readonly number[])[];
}

/** All batches of a run. Every sequence comes once an epoch; the number of batches is the same in each. */
export interface BatchPlans {
  readonly batchesPerEpoch: number;
  readonly rowsPerBatch: number;
  /** The batch with this number, counted over all epochs. */
  batch(number: number): BatchPlan;
}

export type Batching =
  /** Rows of tokensPerRow tokens, filled with several sequences each. */
  | { readonly kind: "packed"; readonly tokensPerRow: number; readonly rowsPerBatch: number }
  /** One sequence a row, padded to the smallest of `bucketTokens` that holds it; a batch is of one bucket. */
  | {
      readonly kind: "length-buckets";
      readonly bucketTokens: readonly number[];
      readonly rowsPerBatch: number;
    };

/**
 * Plans batches for sequences of the given lengths.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when a sequence fits nowhere or an option is no positive integer
 */
export function planBatches(lengths: readonly number[], batching: Batching, seed: number): BatchPlans {
  const { rowsPerBatch } = batching;
  const sizes = batching.kind === "packed" ? [batching.tokensPerRow] : batching.bucketTokens;
  for (const size of [rowsPerBatch, ...sizes]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `batch sizes must be positive integers, received ${size}`);
    }
  }
  const planEpoch =
    batching.kind === "packed"
      ? (epoch: number) => packedEpoch(lengths, batching.tokensPerRow, rowsPerBatch, seed, epoch)
      : bucketPlanner(lengths, batching.bucketTokens, rowsPerBatch, seed);
  let cached = { epoch: 0, batches: planEpoch(0) };
  const batchesPerEpoch = cached.batches.length;
  return {
    batchesPerEpoch,
    rowsPerBatch,
    batch(number) {
      const epoch = Math.floor(number / batchesPerEpoch);
      if (cached.epoch !== epoch) cached = { epoch, batches: planEpoch(epoch) };
      return cached.batches[number % batchesPerEpoch]!;
    },
  };
}

const keyOf = (seed: number, epoch: number, use: string): RandomKey => ({
  seed,
  stream: streamOf(`epoch ${epoch} ${use}`),
});

function shuffled<T>(items: readonly T[], key: RandomKey): T[] {
  return Array.from(permutation(items.length, key), (position) => items[position]!);
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** Ties among equal lengths are drawn anew each epoch, so neighbours in a row change. */
function packedEpoch(
  lengths: readonly number[],
  tokensPerRow: number,
  rowsPerBatch: number,
  seed: number,
  epoch: number,
): BatchPlan[] {
  const order = permutation(lengths.length, keyOf(seed, epoch, "sequences"));
  const rows = shuffled(packFirstFitDecreasing(lengths, tokensPerRow, order), keyOf(seed, epoch, "rows"));
  return chunks(rows, rowsPerBatch).map((batch) => ({ tokens: tokensPerRow, rows: batch }));
}

function bucketPlanner(
  lengths: readonly number[],
  bucketTokens: readonly number[],
  rowsPerBatch: number,
  seed: number,
): (epoch: number) => BatchPlan[] {
  const ascending = [...new Set(bucketTokens)].sort((a, b) => a - b);
  const members = new Map<number, number[]>(ascending.map((tokens) => [tokens, []]));
  for (const [index, length] of lengths.entries()) {
    const bucket = ascending.find((tokens) => tokens >= length);
    if (bucket === undefined) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `sequence ${index} has ${length} tokens, the largest bucket ${ascending.at(-1)}`,
        { hint: "truncate or drop long sequences first, or add a bucket" },
      );
    }
    members.get(bucket)!.push(index);
  }
  return (epoch) => {
    const batches = [...members].flatMap(([tokens, indices]) =>
      chunks(shuffled(indices, keyOf(seed, epoch, `bucket ${tokens}`)), rowsPerBatch).map((batch) => ({
        tokens,
        rows: batch.map((index) => [index]),
      })),
    );
    return shuffled(batches, keyOf(seed, epoch, "order"));
  };
}
