/** What the fine-tuning tasks have in common, whichever model they train: options, trained parameters, label feeds. */
import type { RegionKind } from "../graph/ir.ts";
import { type LoraConfig, loraSpecs } from "../nn/lora.ts";
import type { ParameterSpecs } from "../nn/parameters.ts";
import type { Feeds } from "../runtime/backend.ts";
import { TuttiError } from "../support/errors.ts";
import { float32, int32 } from "../tensor/host-tensor.ts";
import type { TrainingTask } from "./task.ts";

export interface CommonFineTuningOptions {
  readonly seed: number;
  readonly epochs: number;
  /** Micro-batches per optimiser step. */
  readonly accumulation: number;
  /** Fills rows; never looked at, so any id of the vocabulary does. */
  readonly paddingId: number;
  /** Train this adapter alone; the parameters must hold its own beside the model's. */
  readonly adapter?: LoraConfig;
  /** Regions of the model to compute twice rather than keep; see {@link TrainingTask}. */
  readonly recompute?: readonly RegionKind[];
  /** Without an adapter: whether a parameter is trained. @default all are */
  readonly isTrained?: (name: string) => boolean;
}

/** A training task with a known end. */
export interface FineTuningTask extends TrainingTask {
  readonly trainable: readonly string[];
  /** Optimiser steps of all epochs. */
  readonly totalSteps: number;
  /** Ids of the examples without a target, which are left out. */
  readonly leftOut: readonly string[];
}

/** @throws {TuttiError} INVALID_ARGUMENT */
export function checkCommonOptions({
  accumulation,
  epochs,
}: Pick<CommonFineTuningOptions, "accumulation" | "epochs">): void {
  if (Number.isInteger(accumulation) && accumulation >= 1 && epochs > 0) return;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `accumulation must be a positive integer and epochs above 0, received ${accumulation} and ${epochs}`,
  );
}

/**
 * The parameters of a run, an adapter's included, and which of them are trained.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when none is, or the adapter's targets match nothing
 */
export function chooseTrained(
  specs: ParameterSpecs,
  { adapter, isTrained = () => true }: Pick<CommonFineTuningOptions, "adapter" | "isTrained">,
): { readonly specs: ParameterSpecs; readonly trainable: readonly string[] } {
  const adapterSpecs = adapter ? loraSpecs(specs, adapter) : {};
  const trainable = Object.keys(adapter ? adapterSpecs : specs).filter(adapter ? () => true : isTrained);
  if (trainable.length === 0) throw new TuttiError("INVALID_ARGUMENT", "isTrained chooses no parameter");
  return { specs: { ...specs, ...adapterSpecs }, trainable };
}

/** Target counts are padded to quarters of a batch's tokens: four compiled steps a length, not hundreds. */
const TARGET_PARTS = 4;

/**
 * Feeds of the labelled positions, padded with ignored ones.
 *
 * @param positions flat positions into [batch, tokens], `size` in all
 * @param scale factor on the sum of the losses
 */
export function labelFeeds(
  positions: readonly number[],
  labels: readonly number[],
  size: number,
  scale: number,
): { readonly targets: number; readonly feeds: Feeds } {
  const part = Math.ceil(size / TARGET_PARTS);
  const targets = Math.ceil(labels.length / part) * part;
  const targetPositions = new Int32Array(targets);
  const targetTokens = new Int32Array(targets).fill(-100);
  targetPositions.set(positions);
  targetTokens.set(labels);
  return {
    targets,
    feeds: {
      target_positions: int32([targets], targetPositions),
      target_tokens: int32([targets], targetTokens),
      target_scale: float32([], [scale]),
    },
  };
}
