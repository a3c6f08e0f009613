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
import { type Breathe, createBreather, inPieces } from "../support/event-loop.ts";
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
          const { shape, data } = lookUp(values, name);
          const alpha = Math.max(epsilon2, await rootMeanSquare(data, breathe)) * relativeStep;
          const update = await scaled(lookUp(gradients, name).data, gradientScale, breathe);
          const constants = { share, epsilon1, breathe };
          if (isFactored(shape)) await factoredUpdate(shape, update, state, name, constants);
          else await fullUpdate(update, state[`second_moment.${name}`]!.data, constants);
          const clip = Math.max(1, (await rootMeanSquare(update, breathe)) / clippingThreshold);
          const shrink = 1 - rate * weightDecay;
          await inPieces(breathe, update.length, (start, end) => {
            for (let index = start; index < end; index++) {
              data[index] = data[index]! * shrink - (alpha / clip) * update[index]!;
            }
          });
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

async function rootMeanSquare(values: Float32Array, breathe: Breathe): Promise<number> {
  let sum = 0;
  await inPieces(breathe, values.length, (start, end) => {
    for (let index = start; index < end; index++) sum += values[index]! * values[index]!;
  });
  return Math.sqrt(sum / Math.max(1, values.length));
}

async function scaled(values: Float32Array, scale: number, breathe: Breathe): Promise<Float32Array> {
  const result = new Float32Array(values.length);
  await inPieces(breathe, values.length, (start, end) => {
    for (let index = start; index < end; index++) result[index] = values[index]! * scale;
  });
  return result;
}

interface MomentConstants {
  readonly share: number;
  readonly epsilon1: number;
  readonly breathe: Breathe;
}

/** Turns the gradient of a vector into g / sqrt(V), in place. */
async function fullUpdate(
  gradient: Float32Array,
  moment: Float32Array,
  { share, epsilon1, breathe }: MomentConstants,
): Promise<void> {
  await inPieces(breathe, gradient.length, (start, end) => {
    for (let index = start; index < end; index++) {
      const g = gradient[index]!;
      const v = moment[index]! + share * (g * g - moment[index]!);
      moment[index] = v;
      gradient[index] = g / Math.sqrt(Math.max(v, epsilon1 * epsilon1));
    }
  });
}

/** Turns the gradient of a matrix, or of each of a stack of matrices, into g / sqrt(R C / mean(R)), in place. */
async function factoredUpdate(
  shape: readonly number[],
  gradient: Float32Array,
  state: Readonly<Record<string, Float32Tensor>>,
  name: string,
  { share, epsilon1, breathe }: MomentConstants,
): Promise<void> {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
  const size = rows * columns;
  const part = (moment: Float32Tensor, length: number, matrix: number): Float32Array =>
    moment.data.subarray(matrix * length, (matrix + 1) * length);
  for (let matrix = 0; matrix * size < gradient.length; matrix++) {
    const g = gradient.subarray(matrix * size, (matrix + 1) * size);
    const rowMoment = part(state[`row_moment.${name}`]!, rows, matrix);
    const columnMoment = part(state[`column_moment.${name}`]!, columns, matrix);
    await averageSquares(g, rowMoment, columnMoment, share, breathe);
    const rowMean = rowMoment.reduce((sum, value) => sum + value, 0) / rows;
    const scale = 1 / Math.max(rowMean, epsilon1);
    const divideRows = (start: number, end: number): void => {
      for (let row = start; row < end; row++) {
        for (let column = 0; column < columns; column++) {
          const v = rowMoment[row]! * columnMoment[column]! * scale;
          g[row * columns + column]! /= Math.sqrt(Math.max(v, epsilon1 * epsilon1));
        }
      }
    };
    await inPieces(breathe, rows, divideRows, columns);
  }
}

async function averageSquares(
  gradient: Float32Array,
  rowMoment: Float32Array,
  columnMoment: Float32Array,
  share: number,
  breathe: Breathe,
): Promise<void> {
  const columns = columnMoment.length;
  const columnSums = new Float64Array(columns);
  const addRows = (start: number, end: number): void => {
    for (let row = start; row < end; row++) {
      let rowSum = 0;
      for (let column = 0; column < columns; column++) {
        const g = gradient[row * columns + column]!;
        rowSum += g * g;
        columnSums[column]! += g * g;
      }
      rowMoment[row]! += share * (rowSum / columns - rowMoment[row]!);
    }
  };
  await inPieces(breathe, rowMoment.length, addRows, columns);
  for (let column = 0; column < columns; column++) {
    columnMoment[column]! += share * (columnSums[column]! / rowMoment.length - columnMoment[column]!);
  }
}
