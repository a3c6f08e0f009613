/**
 * Checkpoints: one safetensors file with parameters and optimiser state, and everything else that a run needs
 * to go on exactly (step, which also fixes random numbers and data position) in its metadata. Written
 * atomically: after `kill -9` the last complete one is there.
 */
import { existsSync } from "node:fs";
import type { Parameters } from "../nn/parameters.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, isJsonObject, parseJsonBytes } from "../support/json.ts";
import { shown } from "../support/show.ts";
import { type Float32Tensor, float32, type HostTensor } from "../tensor/host-tensor.ts";
import {
  readSafetensors,
  type Safetensors,
  type SafetensorsDType,
  type TensorToWrite,
  writeSafetensors,
} from "../weights/index.ts";

const FORMAT = "tutti-checkpoint-2";
const STORED_AS: Readonly<Record<HostTensor["dtype"], SafetensorsDType>> = {
  float32: "F32",
  float16: "F16",
  int32: "I32",
  uint8: "U8",
  bool: "BOOL",
};

export interface TrainingState {
  /** The trained parameters. */
  readonly parameters: Parameters;
  /** Digest of the frozen parameters, which are not stored; empty when there are none. */
  readonly frozenSha256?: string;
  readonly optimizer: Optimizer;
  /** Optimiser steps finished. */
  step: number;
  /** Best validation value so far and the step it was reached at. */
  best: { readonly value: number; readonly step: number } | undefined;
}

const PARAMETER = "parameter.";
const OPTIMIZER = "optimizer.";

interface Progress {
  readonly step: number;
  readonly optimizerSteps: number;
  readonly best: TrainingState["best"] | null;
}

/** Everything that is stored, under its name in the file. */
function storedTensors(state: TrainingState): [string, HostTensor][] {
  return [
    ...Object.entries(state.parameters).map(([name, tensor]): [string, HostTensor] => [
      PARAMETER + name,
      tensor,
    ]),
    ...Object.entries(state.optimizer.state).map(([name, tensor]): [string, HostTensor] => [
      OPTIMIZER + name,
      tensor,
    ]),
  ];
}

/** Writes the state. `fingerprint` identifies model, data and hyper-parameters. */
export function saveCheckpoint(path: string, state: TrainingState, fingerprint: string): void {
  const tensors = storedTensors(state).map(
    ([name, { dtype, shape, data }]): TensorToWrite => ({ name, dtype: STORED_AS[dtype], shape, data }),
  );
  const progress: Progress = {
    step: state.step,
    optimizerSteps: state.optimizer.steps,
    best: state.best ?? null,
  };
  writeSafetensors(path, tensors, {
    format: FORMAT,
    fingerprint,
    optimizer: state.optimizer.kind,
    frozen: state.frozenSha256 ?? "",
    progress: JSON.stringify(progress),
  });
}

/**
 * Loads a checkpoint into the arrays of `state`, in place.
 *
 * @returns false when there is none
 * @throws {TuttiError} CHECKPOINT_INVALID for a file that is not one of ours or is incomplete;
 *   CHECKPOINT_MISMATCH when it belongs to another optimiser, model, data set or configuration
 */
export function loadCheckpoint(path: string, state: TrainingState, fingerprint: string): boolean {
  if (!existsSync(path)) return false;
  const file = readSafetensors(path);
  checkOrigin(path, file.metadata, state, fingerprint);
  const stored = storedTensors(state);
  for (const [name, { data }] of stored) {
    const found = file.tensors.get(name)?.data;
    if (found?.constructor !== data.constructor || found.length !== data.length) {
      throw new TuttiError("CHECKPOINT_INVALID", `${path}: tensor "${name}" is missing or has another size`, {
        details: { path, tensor: name },
        hint: "delete the file to start anew",
      });
    }
  }
  const progress = readProgress(path, file.metadata.progress);
  for (const [name, { data }] of stored) data.set(file.tensors.get(name)!.data as typeof data);
  state.step = progress.step;
  state.optimizer.steps = progress.optimizerSteps;
  state.best = progress.best ?? undefined;
  return true;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Counters come from the file like everything else: a step of NaN would train for ever. */
function readProgress(path: string, text = ""): Progress {
  const refuse = (problem: string, cause?: unknown): TuttiError =>
    new TuttiError("CHECKPOINT_INVALID", `${path}: metadata "progress" ${problem}`, {
      details: { path },
      hint: "delete the file to start anew",
      ...(cause === undefined ? {} : { cause }),
    });
  const { value } = parseJsonBytes(Buffer.from(text), CONFIGURATION_LIMITS, refuse);
  const { step, optimizerSteps, best } = isJsonObject(value) ? value : {};
  const isBest = isJsonObject(best) ? Number.isFinite(best.value) && isCount(best.step) : best === null;
  if (!isCount(step) || !isCount(optimizerSteps) || !isBest)
    throw refuse(`is ${shown(value)}, expected numbers of steps and the best value or null`);
  return value as unknown as Progress;
}

function checkOrigin(
  path: string,
  metadata: Safetensors["metadata"],
  { optimizer: { kind }, frozenSha256 = "" }: TrainingState,
  fingerprint: string,
): void {
  if (metadata.format !== FORMAT) {
    throw new TuttiError(
      "CHECKPOINT_INVALID",
      `${path}: not a training checkpoint of this version (format ${metadata.format}, expected ${FORMAT})`,
      { hint: "give another output folder, or delete the file to start anew" },
    );
  }
  if (metadata.optimizer !== kind) {
    throw new TuttiError(
      "CHECKPOINT_MISMATCH",
      `${path}: was written under the optimiser ${metadata.optimizer}, this run uses ${kind}`,
      {
        details: { expected: kind, received: metadata.optimizer },
        hint: "resume with the same optimiser, or give another output folder",
      },
    );
  }
  if (metadata.fingerprint !== fingerprint) {
    throw new TuttiError(
      "CHECKPOINT_MISMATCH",
      `${path}: was written by a run with another model, data or settings`,
      {
        details: { expected: fingerprint, received: metadata.fingerprint },
        hint: "resume with the same command, or give another output folder",
      },
    );
  }
  if ((metadata.frozen ?? "") !== frozenSha256) {
    throw new TuttiError("CHECKPOINT_MISMATCH", `${path}: was written by a run over other frozen weights`, {
      details: { expected: frozenSha256, received: metadata.frozen },
      hint: "resume over the same base model, or give another output folder",
    });
  }
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
  const floats: [string, Float32Tensor][] = [];
  for (const [name, { shape, data }] of readSafetensors(path).tensors) {
    if (data instanceof Float32Array) floats.push([name, float32(shape, data)]);
  }
  return Object.fromEntries(floats);
}
