/**
 * Adafactor: second moments of a matrix kept as one number a row and one a column (Shazeer and Stern,
 * arXiv 1804.04235, algorithms 4 and 5 without first moment; the order of operations is torch.optim.Adafactor's).
 *
 *   rho = min(lr, 1 / sqrt(t)),  alpha = max(epsilon2, RMS(p)) rho,  share = t^decay
 *   R <- R + share (mean of g^2 over each row - R),  C likewise over columns;  V = R C / mean(R)
 *   U = g / sqrt(V);  p <- p (1 - lr decay) - alpha U / max(1, RMS(U) / d)
 *
 * Vectors keep the whole V. Memory: rows + columns instead of 2 x rows x columns.
 */

import { TuttiError } from "../support/errors.ts";
import { createBreather } from "../support/event-loop.ts";
import { type Float32Tensor, zeros } from "../tensor/host-tensor.ts";
import {
  groupedNames,
  lookUp,
  type Optimizer,
  type ParameterGroup,
  requireNonNegative,
  type Tensors,
} from "./optimizer.ts";

export interface AdafactorOptions {
  /** Exponent of the averaging share, at most 0. @default -0.8 */
  readonly beta2Decay?: number;
  /** Least root of a second moment. @default 2^-23, the float32 machine epsilon */
  readonly epsilon1?: number;
  /** Least RMS of a parameter that its step is scaled by. @default 1e-3 */
  readonly epsilon2?: number;
  /** Largest RMS of an update, d, at least 1. @default 1 */
  readonly clippingThreshold?: number;
}

/** Adafactor as an {@link Optimizer}; state: row_moment.NAME and column_moment.NAME, or second_moment.NAME. */
export function createAdafactor(
  groups: readonly ParameterGroup[],
  parameters: Tensors,
  { beta2Decay = -0.8, epsilon1 = 2 ** -23, epsilon2 = 1e-3, clippingThreshold = 1 }: AdafactorOptions = {},
): Optimizer {
  requireNonNegative("Adafactor epsilon1", epsilon1);
  requireNonNegative("Adafactor epsilon2", epsilon2);
  if (!(beta2Decay <= 0) || !(clippingThreshold >= 1)) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `Adafactor: beta2Decay must be at most 0 and clippingThreshold at least 1, received ${beta2Decay} and ${clippingThreshold}`,
    );
  }
  const state = createState(groups, parameters);
  return {
    kind: "adafactor",
    state,
    steps: 0,
    async step(values, gradients, { gradientScale, multiplier }) {
      const breathe = createBreather();
      this.steps++;
      const share = this.steps ** beta2Decay;
      for (const { names, learningRate, weightDecay } of groups) {
        const rate = learningRate * multiplier;
        const relativeStep = Math.min(rate, 1 / Math.sqrt(this.steps));
        for (const name of names) {
          await breathe();
          const parameter = lookUp(values, name);
          const gradient = lookUp(gradients, name).data.map((value) => value * gradientScale);
          const alpha = Math.max(epsilon2, rootMeanSquare(parameter.data)) * relativeStep;
          const update = isFactored(parameter.shape)
            ? factoredUpdate(parameter.shape, gradient, state, name, share, epsilon1)
            : fullUpdate(gradient, state[`second_moment.${name}`]!.data, share, epsilon1);
          const clip = Math.max(1, rootMeanSquare(update) / clippingThreshold);
          const shrink = 1 - rate * weightDecay;
          for (let index = 0; index < update.length; index++) {
            parameter.data[index] = parameter.data[index]! * shrink - (alpha / clip) * update[index]!;
          }
        }
      }
    },
  };
}

const isFactored = (shape: readonly number[]): boolean => shape.length > 1;

function createState(
  groups: readonly ParameterGroup[],
  parameters: Tensors,
): Readonly<Record<string, Float32Tensor>> {
  const state: Record<string, Float32Tensor> = {};
  for (const name of groupedNames(groups)) {
    const { shape } = lookUp(parameters, name);
    const leading = shape.slice(0, -2);
    if (isFactored(shape)) {
      state[`row_moment.${name}`] = zeros("float32", [...leading, shape.at(-2)!]) as Float32Tensor;
      state[`column_moment.${name}`] = zeros("float32", [...leading, shape.at(-1)!]) as Float32Tensor;
    } else {
      state[`second_moment.${name}`] = zeros("float32", shape) as Float32Tensor;
    }
  }
  return state;
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index]! * values[index]!;
  return Math.sqrt(sum / Math.max(1, values.length));
}

/** g / sqrt(V) of a vector. */
function fullUpdate(
  gradient: Float32Array,
  moment: Float32Array,
  share: number,
  epsilon1: number,
): Float32Array {
  return gradient.map((g, index) => {
    const v = moment[index]! + share * (g * g - moment[index]!);
    moment[index] = v;
    return g / Math.sqrt(Math.max(v, epsilon1 * epsilon1));
  });
}

/** g / sqrt(R C / mean(R)) of a matrix, or of each of a stack of matrices. */
function factoredUpdate(
  shape: readonly number[],
  gradient: Float32Array,
  state: Readonly<Record<string, Float32Tensor>>,
  name: string,
  share: number,
  epsilon1: number,
): Float32Array {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
  const size = rows * columns;
  const update = new Float32Array(gradient.length);
  for (let matrix = 0; matrix * size < gradient.length; matrix++) {
    const g = gradient.subarray(matrix * size, (matrix + 1) * size);
    const rowMoment = state[`row_moment.${name}`]!.data.subarray(matrix * rows, (matrix + 1) * rows);
    const columnMoment = state[`column_moment.${name}`]!.data.subarray(
      matrix * columns,
      (matrix + 1) * columns,
    );
    averageSquares(g, rowMoment, columnMoment, share);
    const rowMean = rowMoment.reduce((sum, value) => sum + value, 0) / rows;
    const scale = 1 / Math.max(rowMean, epsilon1);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const v = rowMoment[row]! * columnMoment[column]! * scale;
        const flat = row * columns + column;
        update[matrix * size + flat] = g[flat]! / Math.sqrt(Math.max(v, epsilon1 * epsilon1));
      }
    }
  }
  return update;
}

function averageSquares(
  gradient: Float32Array,
  rowMoment: Float32Array,
  columnMoment: Float32Array,
  share: number,
): void {
  const columns = columnMoment.length;
  const columnSums = new Float64Array(columns);
  for (let row = 0; row < rowMoment.length; row++) {
    let rowSum = 0;
    for (let column = 0; column < columns; column++) {
      const g = gradient[row * columns + column]!;
      rowSum += g * g;
      columnSums[column]! += g * g;
    }
    rowMoment[row]! += share * (rowSum / columns - rowMoment[row]!);
  }
  for (let column = 0; column < columns; column++) {
    columnMoment[column]! += share * (columnSums[column]! / rowMoment.length - columnMoment[column]!);
  }
}
