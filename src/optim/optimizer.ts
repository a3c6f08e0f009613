/** What every optimiser is to the training loop: state that a checkpoint can hold, and one update. */
import { assert, TuttiError } from "../support/errors.ts";
import type { Float32Tensor, HostTensor } from "../tensor/host-tensor.ts";

/** Parameters that share a learning rate and a weight decay. */
export interface ParameterGroup {
  readonly names: readonly string[];
  /** Peak learning rate; the schedule's multiplier applies to it. */
  readonly learningRate: number;
  /** Fraction of the learning rate by which weights shrink per step. */
  readonly weightDecay: number;
}

export type Arrays = Readonly<Record<string, Float32Array>>;
export type Tensors = Readonly<Record<string, Float32Tensor>>;

export interface StepScaling {
  /** Multiplies every gradient first: the factor of global-norm clipping. */
  readonly gradientScale: number;
  /** The schedule's factor on every group's learning rate. */
  readonly multiplier: number;
}

/** Updates are functions of parameters, gradients and state alone, so restoring the state resumes exactly. */
export interface Optimizer {
  /** Names the algorithm and whatever shapes its state; a checkpoint of another kind is refused. */
  readonly kind: string;
  /** Everything but the step count that the next update depends on; changed in place. */
  readonly state: Readonly<Record<string, HostTensor>>;
  /** Updates made so far. */
  steps: number;
  /** One update, in place of the parameters of the groups and of the state. */
  step(parameters: Tensors, gradients: Tensors, scaling: StepScaling): Promise<void>;
}

export function lookUp<T>(values: Readonly<Record<string, T>>, name: string): T {
  const value = values[name];
  assert(value !== undefined, `no array for parameter "${name}"`);
  return value;
}

/** The names of all groups in order. @throws {TuttiError} INVALID_ARGUMENT when a name is in two groups */
export function groupedNames(groups: readonly ParameterGroup[]): string[] {
  const names = groups.flatMap((group) => group.names);
  const repeated = names.length === new Set(names).size ? undefined : firstRepeated(names);
  if (repeated !== undefined) {
    throw new TuttiError("INVALID_ARGUMENT", `parameter "${repeated}" is in two optimiser groups`, {
      details: { name: repeated },
      hint: "list every trained parameter in one group",
    });
  }
  return names;
}

function firstRepeated(names: readonly string[]): string {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size)!;
}

/** @throws {TuttiError} INVALID_ARGUMENT unless 0 <= value < 1 */
export function requireShare(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) {
    throw new TuttiError("INVALID_ARGUMENT", `${name} must be at least 0 and below 1, received ${value}`);
  }
}

/** @throws {TuttiError} INVALID_ARGUMENT unless value >= 0 and finite */
export function requireNonNegative(name: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new TuttiError("INVALID_ARGUMENT", `${name} must be a finite number from 0, received ${value}`);
  }
}
