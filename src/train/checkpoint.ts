/**
 * Checkpoints: one safetensors file with parameters and optimiser moments, and everything else that a run needs
 * to go on exactly (step, which also fixes random numbers and data position) in its metadata. Written
 * atomically: after `kill -9` the last complete one is there.
 */
import { existsSync } from "node:fs";
import type { Parameters } from "../nn/parameters.ts";
import type { AdamWState } from "../optim/adamw.ts";
import { TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { readSafetensors, writeSafetensors } from "../weights/index.ts";

const FORMAT = "tutti-checkpoint-1";

export interface TrainingState {
  readonly parameters: Parameters;
  readonly optimizer: AdamWState;
  /** Optimiser steps finished. */
  step: number;
  /** Best validation value so far and the step it was reached at. */
  best: { readonly value: number; readonly step: number } | undefined;
}

/** Writes the state. `fingerprint` identifies model, data and hyper-parameters. */
export function saveCheckpoint(path: string, state: TrainingState, fingerprint: string): void {
  const tensors = Object.entries(state.parameters).flatMap(([name, tensor]) => [
    { name: `parameter.${name}`, dtype: "F32" as const, shape: tensor.shape, data: tensor.data },
    {
      name: `first_moment.${name}`,
      dtype: "F32" as const,
      shape: tensor.shape,
      data: state.optimizer.firstMoments[name]!,
    },
    {
      name: `second_moment.${name}`,
      dtype: "F32" as const,
      shape: tensor.shape,
      data: state.optimizer.secondMoments[name]!,
    },
  ]);
  const progress = { step: state.step, optimizerStep: state.optimizer.step, best: state.best ?? null };
  writeSafetensors(path, tensors, { format: FORMAT, fingerprint, progress: JSON.stringify(progress) });
}

/**
 * Loads a checkpoint into the arrays of `state`, in place.
 *
 * @returns false when there is none
 * @throws {TuttiError} CHECKPOINT_INVALID for a file that is not one of ours or is incomplete;
 *   CHECKPOINT_MISMATCH when it belongs to another model, data set or configuration
 */
export function loadCheckpoint(path: string, state: TrainingState, fingerprint: string): boolean {
  if (!existsSync(path)) return false;
  const file = readSafetensors(path);
  if (file.metadata.format !== FORMAT) {
    throw new TuttiError(
      "CHECKPOINT_INVALID",
      `${path}: not a training checkpoint (format ${file.metadata.format})`,
      {
        hint: "give another output folder, or delete the file to start anew",
      },
    );
  }
  if (file.metadata.fingerprint !== fingerprint) {
    throw new TuttiError(
      "CHECKPOINT_MISMATCH",
      `${path}: was written by a run with another model, data or settings`,
      {
        details: { expected: fingerprint, received: file.metadata.fingerprint },
        hint: "resume with the same command, or give another output folder",
      },
    );
  }
  const copy = (stored: string, into: Float32Array): void => {
    const tensor = file.tensors.get(stored);
    if (!(tensor?.data instanceof Float32Array) || tensor.data.length !== into.length) {
      throw new TuttiError(
        "CHECKPOINT_INVALID",
        `${path}: tensor "${stored}" is missing or has another size`,
      );
    }
    into.set(tensor.data);
  };
  for (const [name, tensor] of Object.entries(state.parameters)) {
    copy(`parameter.${name}`, tensor.data);
    copy(`first_moment.${name}`, state.optimizer.firstMoments[name]!);
    copy(`second_moment.${name}`, state.optimizer.secondMoments[name]!);
  }
  const progress = JSON.parse(file.metadata.progress ?? "{}") as {
    step: number;
    optimizerStep: number;
    best: TrainingState["best"] | null;
  };
  state.step = progress.step;
  state.optimizer.step = progress.optimizerStep;
  state.best = progress.best ?? undefined;
  return true;
}

/** Writes parameters alone, under their own names: what inference loads. */
export function saveParameters(
  path: string,
  parameters: Parameters,
  metadata: Readonly<Record<string, string>>,
): void {
  const tensors = Object.entries(parameters).map(([name, { shape, data }]) => ({
    name,
    dtype: "F32" as const,
    shape,
    data,
  }));
  writeSafetensors(path, tensors, metadata);
}

/** Reads parameters alone. Half-precision tensors are widened to float32. */
export function loadParameters(path: string): Parameters {
  const parameters: Record<string, Float32Tensor> = {};
  for (const [name, tensor] of readSafetensors(path).tensors) {
    if (tensor.data instanceof Float32Array) parameters[name] = float32(tensor.shape, tensor.data);
  }
  return parameters;
}
