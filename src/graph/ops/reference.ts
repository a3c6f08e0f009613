/** Helpers of reference evaluation: plain loops over float64, written to be obviously right. */
import type { DType } from "../../tensor/dtype.ts";
import { type Shape, sizeOf, staticShape, stridesOf } from "../../tensor/shape.ts";
import type { TensorType } from "../ir.ts";
import type { ReferenceTensor } from "../op.ts";

export function referenceTensor(dtype: DType, shape: Shape, data?: Float64Array): ReferenceTensor {
  return { dtype, shape: staticShape(shape), data: data ?? new Float64Array(sizeOf(shape)) };
}

/** An empty tensor of the inferred type. */
export function outputLike(type: TensorType | undefined): ReferenceTensor {
  if (!type) throw new Error("internal: missing output type");
  return referenceTensor(type.dtype, type.shape);
}

/** For each flat output index, the flat index into an input of `shape` that is broadcast to `outputShape`. */
export function broadcastIndices(shape: readonly number[], outputShape: readonly number[]): Int32Array {
  const strides = stridesOf(shape);
  const offset = outputShape.length - shape.length;
  const size = sizeOf(outputShape);
  const indices = new Int32Array(size);
  const position = new Array<number>(outputShape.length).fill(0);
  for (let flat = 0; flat < size; flat++) {
    let index = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      if (shape[axis] !== 1) index += strides[axis]! * position[axis + offset]!;
    }
    indices[flat] = index;
    for (let axis = outputShape.length - 1; axis >= 0; axis--) {
      if (++position[axis]! < outputShape[axis]!) break;
      position[axis] = 0;
    }
  }
  return indices;
}

/** Applies `f` elementwise over broadcast inputs. */
export function mapBroadcast(
  inputs: readonly ReferenceTensor[],
  type: TensorType | undefined,
  f: (...values: number[]) => number,
): ReferenceTensor {
  const output = outputLike(type);
  const indices = inputs.map((input) => broadcastIndices(input.shape, output.shape));
  for (let flat = 0; flat < output.data.length; flat++) {
    output.data[flat] = f(...inputs.map((input, which) => input.data[indices[which]![flat]!]!));
  }
  return output;
}

/** Rows of the last axis: `[rows, length]` of a tensor. */
export function lastAxisRows(shape: readonly number[]): { rows: number; length: number } {
  const length = shape.at(-1) ?? 1;
  return { rows: length === 0 ? 0 : sizeOf(shape) / length, length };
}
