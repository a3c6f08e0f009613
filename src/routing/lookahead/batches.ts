/**
 * Batches as a pure function of the step: each epoch is a seeded shuffle within length classes, and the batches
 * of all classes are shuffled again. Every example comes once an epoch.
 */
import { permutation, type RandomKey, streamOf } from "../../tensor/random.ts";
import type { EncodedExample } from "./layout.ts";

/** Prompts are padded to one of these lengths; each costs one compiled step. */
const LENGTH_CLASSES = [32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048];

/** The padded length of a prompt. */
export function paddedPromptLength(length: number, maxPromptTokens: number): number {
  const fitting = LENGTH_CLASSES.find((candidate) => candidate >= length) ?? length;
  return Math.min(fitting, Math.max(length, maxPromptTokens));
}

export interface BatchPlan {
  readonly promptTokens: number;
  /** Indices into the examples. */
  readonly members: readonly number[];
}

export class BatchSchedule {
  readonly batchesPerEpoch: number;
  private readonly classes: ReadonlyMap<number, readonly number[]>;
  private readonly batchSize: number;
  private readonly seed: number;
  private cached: { readonly epoch: number; readonly plan: readonly BatchPlan[] } | undefined;

  constructor(examples: readonly EncodedExample[], maxPromptTokens: number, batchSize: number, seed: number) {
    const classes = new Map<number, number[]>();
    for (const [index, { prompt }] of examples.entries()) {
      const length = paddedPromptLength(prompt.length, maxPromptTokens);
      classes.set(length, [...(classes.get(length) ?? []), index]);
    }
    this.classes = new Map([...classes].sort(([a], [b]) => a - b));
    this.batchSize = batchSize;
    this.seed = seed;
    this.batchesPerEpoch = [...classes.values()].reduce(
      (sum, { length }) => sum + Math.ceil(length / batchSize),
      0,
    );
  }

  /** The batch with this number, counted over all epochs. */
  batch(number: number): BatchPlan {
    const epoch = Math.floor(number / this.batchesPerEpoch);
    if (this.cached?.epoch !== epoch) this.cached = { epoch, plan: this.planEpoch(epoch) };
    return this.cached.plan[number % this.batchesPerEpoch]!;
  }

  private planEpoch(epoch: number): BatchPlan[] {
    const key = (use: string): RandomKey => ({ seed: this.seed, stream: streamOf(`epoch ${epoch} ${use}`) });
    const batches: BatchPlan[] = [];
    for (const [promptTokens, indices] of this.classes) {
      const order = permutation(indices.length, key(`length ${promptTokens}`));
      for (let start = 0; start < order.length; start += this.batchSize) {
        const members = [...order.subarray(start, start + this.batchSize)].map(
          (position) => indices[position]!,
        );
        batches.push({ promptTokens, members });
      }
    }
    return [...permutation(batches.length, key("order"))].map((position) => batches[position]!);
  }
}
