/** Which groups make up a step, and how they lie in rows: pure functions of lengths, seed and step. */
import { TuttiError } from "../../support/errors.ts";
import { permutation, streamOf } from "../../tensor/random.ts";
import type { BatchPlan } from "../../train/batch-plans.ts";
import { packFirstFitDecreasing } from "../../train/packing.ts";

export interface GroupBatching {
  /** Prompts, with all their responses, of an optimiser step. */
  readonly groupsPerStep: number;
  /** Room of a row. Attention grows with its square: about the longest group is best. */
  readonly tokensPerRow: number;
  /** Rows computed at once; a step with more is computed in several micro-batches. */
  readonly rowsPerBatch: number;
  /** @default shuffled, anew in each epoch */
  readonly order?: "shuffled" | "given";
}

export interface GroupPlans {
  readonly stepsPerEpoch: number;
  /** The micro-batches of a step, counted over all epochs. */
  step(number: number): readonly BatchPlan[];
}

/** Rows are as long as their fullest needs, rounded up to this: few shapes to compile, little padding. */
const TOKENS_MULTIPLE = 64;

/**
 * @param lengths tokens that each group takes in a row
 * @throws {TuttiError} INVALID_ARGUMENT when an option is no positive integer or a group is longer than a row
 */
export function planGroups(lengths: readonly number[], batching: GroupBatching, seed: number): GroupPlans {
  const { groupsPerStep, tokensPerRow, rowsPerBatch, order = "shuffled" } = batching;
  for (const size of [groupsPerStep, tokensPerRow, rowsPerBatch]) {
    if (Number.isInteger(size) && size >= 1) continue;
    throw new TuttiError("INVALID_ARGUMENT", `batch sizes must be positive integers, received ${size}`);
  }
  packFirstFitDecreasing(lengths, tokensPerRow);
  const stepsPerEpoch = Math.ceil(lengths.length / groupsPerStep);
  const orderOf = (epoch: number): ArrayLike<number> =>
    order === "given"
      ? lengths.map((_, index) => index)
      : permutation(lengths.length, { seed, stream: streamOf(`epoch ${epoch} groups`) });
  let cached = { epoch: 0, order: orderOf(0) };
  return {
    stepsPerEpoch,
    step(number) {
      const epoch = Math.floor(number / stepsPerEpoch);
      if (cached.epoch !== epoch) cached = { epoch, order: orderOf(epoch) };
      const first = (number % stepsPerEpoch) * groupsPerStep;
      const members = Array.from(cached.order).slice(first, first + groupsPerStep);
      return planRows(members, lengths, tokensPerRow, rowsPerBatch);
    },
  };
}

/** Packs these groups first-fit decreasing into rows, and cuts the rows into batches. */
export function planRows(
  members: readonly number[],
  lengths: readonly number[],
  tokensPerRow: number,
  rowsPerBatch: number,
): BatchPlan[] {
  const rows = packFirstFitDecreasing(
    members.map((index) => lengths[index]!),
    tokensPerRow,
  ).map((row) => row.map((member) => members[member]!));
  const batches: BatchPlan[] = [];
  for (let start = 0; start < rows.length; start += rowsPerBatch) {
    const batch = rows.slice(start, start + rowsPerBatch);
    const fullest = Math.max(...batch.map((row) => row.reduce((sum, index) => sum + lengths[index]!, 0)));
    const tokens = Math.min(tokensPerRow, Math.ceil(fullest / TOKENS_MULTIPLE) * TOKENS_MULTIPLE);
    batches.push({ tokens, rows: batch });
  }
  return batches;
}
