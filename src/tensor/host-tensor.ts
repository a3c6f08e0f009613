/** A tensor in host memory: the only form in which values enter and leave a backend. */
import { TuttiError } from "../support/errors.ts";
import { allocate, type DType, type TensorData } from "./dtype.ts";
import { formatShape, sizeOf } from "./shape.ts";

export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major; backends read it in place, so it must not change while a run is under way. */
  readonly data: TensorData;
}

export interface Float32Tensor extends HostTensor {
  readonly dtype: "float32";
  readonly data: Float32Array;
}

export interface Float16Tensor extends HostTensor {
  readonly dtype: "float16";
  /** The bits of each element. */
  readonly data: Uint16Array;
}

function checkLength(shape: readonly number[], length: number): void {
  if (sizeOf(shape) !== length) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `shape ${formatShape(shape)} takes ${sizeOf(shape)} elements, received ${length}`,
    );
  }
}

/** A float32 tensor over `data`; arrays of numbers are copied, a Float32Array is used in place. */
export function float32(shape: readonly number[], data?: Float32Array | readonly number[]): Float32Tensor {
  const array =
    data instanceof Float32Array ? data : data ? Float32Array.from(data) : new Float32Array(sizeOf(shape));
  checkLength(shape, array.length);
  return { dtype: "float32", shape, data: array };
}

/** An int32 tensor over `data`; an Int32Array is used in place. */
export function int32(shape: readonly number[], data: Int32Array | readonly number[]): HostTensor {
  const array = data instanceof Int32Array ? data : Int32Array.from(data);
  checkLength(shape, array.length);
  return { dtype: "int32", shape, data: array };
}

/** A zeroed tensor. */
export function zeros(dtype: DType, shape: readonly number[]): HostTensor {
  return { dtype, shape, data: allocate(dtype, sizeOf(shape)) };
}
