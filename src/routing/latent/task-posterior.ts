/**
 * Which task a prompt belongs to, as probabilities: linear discriminant analysis on the prompt's embedding.
 *
 * With class means mu_c, shares pi_c and one covariance S for all classes, shrunk towards a multiple of the identity,
 * S = (1 - g) S_w + g tr(S_w)/D I:
 *
 *   p(c | x) = softmax_c( x . S^-1 mu_c - 1/2 mu_c . S^-1 mu_c + log pi_c )
 *
 * Source: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, sections 4.3 and 4.3.1.
 */
import { dot } from "../embedding/dot.ts";
import { symmetricEigen } from "../embedding/symmetric-eigen.ts";
import { gramMatrix } from "../embedding/truncated-svd.ts";

/** Share of the identity in the covariance: keeps the inverse stable where classes have fewer rows than dimensions. */
const SHRINKAGE = 0.1;

export interface TaskPosterior {
  /** [tasks, dimension] row-major. */
  readonly weights: Float64Array;
  /** [tasks] */
  readonly biases: Float64Array;
}

/**
 * @param x [rows, dimension] row-major
 * @param tasks class of each row, 0..taskCount-1, each with at least one row
 */
export function fitTaskPosterior(
  x: Float32Array,
  tasks: Int32Array,
  taskCount: number,
  dimension: number,
): TaskPosterior {
  const rows = tasks.length;
  const counts = new Float64Array(taskCount);
  const means = new Float64Array(taskCount * dimension);
  for (const task of tasks) counts[task]!++;
  for (let row = 0; row < rows; row++) {
    const task = tasks[row]!;
    for (let k = 0; k < dimension; k++)
      means[task * dimension + k]! += x[row * dimension + k]! / counts[task]!;
  }
  const centred = Float64Array.from(
    x,
    (value, index) => value - means[tasks[Math.floor(index / dimension)]! * dimension + (index % dimension)]!,
  );
  const { values, vectors } = symmetricEigen(gramMatrix(centred, rows, dimension), dimension);
  const meanVariance = values.reduce((sum, value) => sum + Math.max(0, value), 0) / rows / dimension;
  const weights = new Float64Array(taskCount * dimension);
  const biases = new Float64Array(taskCount);
  for (let task = 0; task < taskCount; task++) {
    for (let axis = 0; axis < dimension; axis++) {
      const variance = ((1 - SHRINKAGE) * Math.max(0, values[axis]!)) / rows + SHRINKAGE * meanVariance;
      // Identical prompts have no spread at all: then every direction counts alike.
      const component = dot(means, task * dimension, vectors, axis * dimension, dimension) / (variance || 1);
      for (let k = 0; k < dimension; k++) {
        weights[task * dimension + k]! += component * vectors[axis * dimension + k]!;
      }
    }
    biases[task] =
      Math.log(counts[task]! / rows) -
      0.5 * dot(weights, task * dimension, means, task * dimension, dimension);
  }
  return { weights, biases };
}

/** p(c | x), one per task, for the vector that starts at `offset`. */
export function taskProbabilities(
  { weights, biases }: TaskPosterior,
  x: Float32Array,
  offset = 0,
): Float64Array {
  const dimension = weights.length / biases.length;
  const logits = biases.map((bias, task) => bias + dot(weights, task * dimension, x, offset, dimension));
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
