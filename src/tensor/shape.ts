/**
 * Shapes. A dimension is a number, or in exported inference graphs a symbol such as "batch" whose size is
 * known only when the graph runs. Two symbols are equal when their names are.
 */
import { TuttiError } from "../support/errors.ts";

export type Dimension = number | string;
export type Shape = readonly Dimension[];

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** The shape as numbers. @throws {TuttiError} SHAPE_MISMATCH when a dimension is symbolic */
export function staticShape(shape: Shape): readonly number[] {
  for (const dimension of shape) {
    if (typeof dimension !== "number") {
      throw new TuttiError("SHAPE_MISMATCH", `expected a static shape, received ${formatShape(shape)}`, {
        hint: "training graphs have static shapes; symbolic dimensions are for exported inference graphs",
      });
    }
  }
  return shape as readonly number[];
}

/** The dimension times a whole number; symbols carry it as a prefix: "3*tokens". */
export function scaleDimension(dimension: Dimension, factor: number): Dimension {
  if (typeof dimension === "number") return dimension * factor;
  return factor === 1 ? dimension : `${factor}*${dimension}`;
}

/** The number and the symbol of a dimension: "3*tokens" is 3 and "tokens", 7 is 7 and none. */
export function splitDimension(dimension: Dimension): {
  readonly factor: number;
  readonly symbol: string | undefined;
} {
  if (typeof dimension === "number") return { factor: dimension, symbol: undefined };
  const star = dimension.indexOf("*");
  return star < 0
    ? { factor: 1, symbol: dimension }
    : { factor: Number(dimension.slice(0, star)), symbol: dimension.slice(star + 1) };
}

/** The sum of two dimensions; symbols are joined: "past + tokens". */
export function addDimensions(a: Dimension, b: Dimension): Dimension {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0) return b;
  return b === 0 ? a : `${a} + ${b}`;
}

/** Number of elements of a static shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return staticShape(shape).reduce((product, dimension) => product * dimension, 1);
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Axis counted from the front; negative axes count from the back. */
export function normaliseAxis(axis: number, rank: number, op: string): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normal < 0 || normal >= rank) {
    throw new TuttiError("SHAPE_MISMATCH", `${op}: axis ${axis} is outside a tensor of rank ${rank}`, {
      details: { op, axis, rank },
    });
  }
  return normal;
}

/** NumPy broadcasting of two shapes: aligned at the back, size 1 stretches. */
export function broadcastShapes(a: Shape, b: Shape, op: string): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, index) => {
    const left = a[index - rank + a.length] ?? 1;
    const right = b[index - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: ${left} against ${right}`,
      { details: { op, left: a, right: b } },
    );
  });
}
