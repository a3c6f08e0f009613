/**
 * The heads of one candidate: linear maps from the prompt's embedding, one per task, to everything that is predicted
 * of its answer. Candidates of a training share nothing but the penalties, and one that joins changes no other's heads.
 */
import {
  decomposeRidge,
  leaveOneOutError,
  type RidgeDecomposition,
  ridgeTargets,
  ridgeWeights,
  smallestError,
} from "../baselines/ridge.ts";
import { dot } from "../embedding/dot.ts";

/** Quarter decades from 3 to 10,000: on vectors of length 1 the last one leaves hardly more than the mean. */
export const PENALTIES: readonly number[] = Array.from({ length: 15 }, (_, index) => 3 * 10 ** (index / 4));

/** A task's mean counts as much as this many prompts of the mean over all tasks: few prompts prove little. */
export const PRIOR_PROMPTS = 8;

/** Affine maps: [outputs, dimension] row-major and [outputs]. */
export interface LinearHead {
  readonly weights: Float64Array;
  readonly biases: Float64Array;
}

/** The embeddings of the prompts of one task, ready for any candidate. */
export interface TaskRows {
  /** Rows of the training matrix. */
  readonly rows: Int32Array;
  readonly parts: RidgeDecomposition;
}

export function rowsOfTasks(
  x: Float32Array,
  tasks: Int32Array,
  taskCount: number,
  dimension: number,
): TaskRows[] {
  return Array.from({ length: taskCount }, (_, task) => {
    const rows = Int32Array.from([...tasks.keys()].filter((row) => tasks[row] === task));
    const matrix = new Float32Array(rows.length * dimension);
    for (const [position, row] of rows.entries()) {
      matrix.set(x.subarray(row * dimension, (row + 1) * dimension), position * dimension);
    }
    return { rows, parts: decomposeRidge(matrix, rows.length, dimension) };
  });
}

/** Picks a task's rows of [all rows, width]. */
export function pickRows(matrix: Float64Array, rows: Int32Array, width: number): Float64Array {
  const picked = new Float64Array(rows.length * width);
  for (const [position, row] of rows.entries()) {
    picked.set(matrix.subarray(row * width, (row + 1) * width), position * width);
  }
  return picked;
}

/**
 * The penalty with the smallest leave-one-out error on a task's targets. A task of one prompt gets the largest.
 *
 * @param y [rows of the task, targets] row-major
 */
export function choosePenalty({ parts }: TaskRows, y: Float64Array, targets: number): number {
  const prepared = ridgeTargets(parts, y, targets);
  const errors = Float64Array.from(PENALTIES, (penalty) => leaveOneOutError(parts, prepared, penalty));
  return PENALTIES[smallestError(errors)]!;
}

/**
 * Ridge fit of every task at given penalties; intercepts are shrunk towards the mean over all prompts,
 * (n_b mean_b + k mean) / (n_b + k). A task without prompts predicts that mean.
 *
 * @param y [all rows, outputs] row-major
 * @returns one head per task
 */
export function fitHeads(
  tasks: readonly TaskRows[],
  penalties: readonly number[],
  y: Float64Array,
  outputs: number,
  dimension: number,
): LinearHead[] {
  const total = tasks.reduce((sum, { rows }) => sum + rows.length, 0);
  const overall = new Float64Array(outputs);
  for (const [index, value] of y.entries()) overall[index % outputs]! += value / total;
  return tasks.map(({ rows, parts }, task) => {
    if (rows.length === 0) return { weights: new Float64Array(outputs * dimension), biases: overall.slice() };
    const targets = ridgeTargets(parts, pickRows(y, rows, outputs), outputs);
    const weights = ridgeWeights(parts, targets, penalties[task]!);
    const trust = rows.length / (rows.length + PRIOR_PROMPTS);
    const biases = targets.means.map(
      (mean, output) =>
        trust * mean +
        (1 - trust) * overall[output]! -
        dot(weights, output * dimension, parts.xMeans, 0, dimension),
    );
    return { weights, biases };
  });
}

/** The mean of the heads of several candidates: what is expected of a candidate of which nothing is known. */
export function meanHead(heads: readonly LinearHead[]): LinearHead {
  const meanOf = (arrays: readonly Float64Array[]): Float64Array =>
    arrays[0]!.map((_, index) => arrays.reduce((sum, array) => sum + array[index]!, 0) / arrays.length);
  return {
    weights: meanOf(heads.map(({ weights }) => weights)),
    biases: meanOf(heads.map(({ biases }) => biases)),
  };
}

/** The head whose outputs are the sums of those of two. */
export function addHeads(one: LinearHead, other: LinearHead): LinearHead {
  return {
    weights: one.weights.map((value, index) => value + other.weights[index]!),
    biases: one.biases.map((value, index) => value + other.biases[index]!),
  };
}

/** Outputs of one head for the vector that starts at `offset`. */
export function applyHead({ weights, biases }: LinearHead, x: Float32Array, offset: number): Float64Array {
  const dimension = weights.length / biases.length;
  return biases.map((bias, output) => bias + dot(weights, output * dimension, x, offset, dimension));
}

/** Heads of all tasks, weighted by how likely each task is. */
export function mixHeads(
  heads: readonly LinearHead[],
  probabilities: Float64Array,
  x: Float32Array,
): Float64Array {
  const mixed = new Float64Array(heads[0]!.biases.length);
  for (const [task, head] of heads.entries()) {
    const outputs = applyHead(head, x, 0);
    for (const [index, value] of outputs.entries()) mixed[index]! += probabilities[task]! * value;
  }
  return mixed;
}
