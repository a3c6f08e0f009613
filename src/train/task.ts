/** What the training loop needs to know about a model and its data. */
import type { Graph, RegionKind, Value } from "../graph/ir.ts";
import type { HalfParameters, ParameterSpecs, ParameterValues } from "../nn/parameters.ts";
import type { Feeds } from "../runtime/backend.ts";

/** Sizes that a step is compiled for, such as {batch: 16, tokens: 128}; equal buckets share a compiled step. */
export type Bucket = Readonly<Record<string, number>>;

export interface MicroBatch {
  readonly bucket: Bucket;
  readonly feeds: Feeds;
  /** Named in errors, so that a bad record can be found. */
  readonly recordIds: readonly string[];
  /** What the step's loss is a mean of, such as target tokens: how much it counts in a mean over steps. @default its records */
  readonly weight?: number;
}

export interface StepOutputs {
  /** Scalar; the losses of a step's micro-batches are added, so each carries its share of the mean. */
  readonly loss: Value;
  /** Scalars to report, added over micro-batches in the same way. */
  readonly metrics: Readonly<Record<string, Value>>;
}

export interface TrainingTask {
  readonly specs: ParameterSpecs;
  /** The parameters that are trained; no gradient is made for the others. @default all */
  readonly trainable?: readonly string[];
  /**
   * Frozen parameters of `specs` that are kept in half precision, and therefore not among the parameters given to
   * training: fed as they are, widened in the graph where they are read. @default none
   */
  readonly half?: HalfParameters;
  /** Regions of the model to compute twice rather than keep: less memory, more time. @default none */
  readonly recompute?: readonly RegionKind[];
  /** Builds the step for one bucket; called once per bucket. */
  build(graph: Graph, parameters: ParameterValues, bucket: Bucket): StepOutputs;
  /**
   * The micro-batches of a step (counted from 0): more than one accumulates gradients. A pure function of the
   * step, which is what makes resuming exact.
   */
  microBatches(step: number): readonly MicroBatch[];
}
