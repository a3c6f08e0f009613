/** Ops that move elements and change none. */

import { TuttiError } from "../../support/errors.ts";
import {
  addDimensions,
  type Dimension,
  formatShape,
  normaliseAxis,
  type Shape,
  sameShape,
  splitDimension,
  staticShape,
  stridesOf,
} from "../../tensor/shape.ts";
import type { TensorType, Value } from "../ir.ts";
import { defineOp, type OnnxEmitter, type OpDefinition, type ReferenceTensor } from "../op.ts";
import { inputAt, numberAttribute, numbersAttribute, shapeAttribute, shapeMismatch } from "./check.ts";
import { broadcastIndices, outputLike } from "./reference.ts";

/** Equal products of numbers and equal symbols mean an equal number of elements. */
function canReshape(from: Shape, to: Shape): boolean {
  const product = (shape: Shape) => {
    const parts = shape.map(splitDimension);
    return {
      factor: parts.reduce((total, { factor }) => total * factor, 1),
      symbols: parts
        .flatMap(({ symbol }) => symbol ?? [])
        .sort()
        .join(),
    };
  };
  const [a, b] = [product(from), product(to)];
  return a.factor === b.factor && a.symbols === b.symbols;
}

/**
 * ONNX Reshape takes numbers: a symbol that stays on its axis is written 0 ("copy"), one that moves is -1.
 * @throws {TuttiError} SHAPE_MISMATCH when two symbols move
 */
function onnxReshapeTarget(from: Shape, to: Shape): number[] {
  let inferred = 0;
  return to.map((dimension, axis) => {
    if (typeof dimension === "number") return dimension;
    if (from[axis] === dimension) return 0;
    if (++inferred > 1) {
      throw new TuttiError(
        "SHAPE_MISMATCH",
        `reshape: cannot express ${formatShape(from)} -> ${formatShape(to)} in ONNX`,
        {
          hint: "keep at most one symbolic dimension off its axis",
        },
      );
    }
    return -1;
  });
}

const reshape = defineOp({
  name: "reshape",
  arity: 1,
  inferTypes: (inputs, attributes) => {
    const x = inputAt("reshape", inputs, 0);
    const shape = shapeAttribute("reshape", attributes, "shape");
    if (!canReshape(x.shape, shape))
      throw shapeMismatch("reshape", `as many elements as ${formatShape(shape)}`, [x]);
    return [{ dtype: x.dtype, shape }];
  },
  gradient: (ops, { inputs, outputGradients }) => [ops.reshape(outputGradients[0]!, inputs[0]!.shape)],
  lower: (emitter, { inputs, inputTypes, outputs, outputTypes }) => {
    const target = onnxReshapeTarget(inputTypes[0]!.shape, outputTypes[0]!.shape);
    // A literal 0 must mean zero elements; with no symbols nothing is copied from the input.
    const allowZero = outputTypes[0]!.shape.includes(0) ? 1 : 0;
    emitter.node("Reshape", [inputs[0]!, emitter.int64(target)], {
      outputs,
      attributes: { allowzero: { int: allowZero } },
    });
  },
  evaluate: (inputs, _attributes, types) => [{ ...outputLike(types[0]), data: inputs[0]!.data }],
  traits: { isElementwise: false, isRecomputed: false },
});

function permutationOf(
  attributes: Parameters<OpDefinition["inferTypes"]>[1],
  rank: number,
): readonly number[] {
  const permutation = numbersAttribute("transpose", attributes, "permutation");
  if (
    [...permutation].sort((a, b) => a - b).join() !== Array.from({ length: rank }, (_, axis) => axis).join()
  ) {
    throw new TuttiError(
      "SHAPE_MISMATCH",
      `transpose: [${permutation}] is not a permutation of ${rank} axes`,
    );
  }
  return permutation;
}

const transpose = defineOp({
  name: "transpose",
  arity: 1,
  inferTypes: (inputs, attributes) => {
    const x = inputAt("transpose", inputs, 0);
    const permutation = permutationOf(attributes, x.shape.length);
    return [{ dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis]!) }];
  },
  gradient: (ops, { outputGradients, attributes }) => {
    const permutation = numbersAttribute("transpose", attributes, "permutation");
    const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
    return [ops.transpose(outputGradients[0]!, inverse)];
  },
  lower: (emitter, { inputs, outputs, attributes }) => {
    emitter.node("Transpose", inputs, {
      outputs,
      attributes: { perm: { ints: numbersAttribute("transpose", attributes, "permutation") } },
    });
  },
  evaluate: (inputs, attributes, types) => {
    const x = inputs[0]!;
    const output = outputLike(types[0]);
    const permutation = numbersAttribute("transpose", attributes, "permutation");
    const inputStrides = stridesOf(x.shape);
    const strides = permutation.map((axis) => inputStrides[axis]!);
    copyStrided(x, output, strides, 0);
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

/** Fills `output` reading `input` at `offset + sum(position x stride)`. */
function copyStrided(
  input: ReferenceTensor,
  output: ReferenceTensor,
  strides: readonly number[],
  offset: number,
): void {
  const position = new Array<number>(output.shape.length).fill(0);
  for (let flat = 0; flat < output.data.length; flat++) {
    let index = offset;
    for (let axis = 0; axis < position.length; axis++) index += position[axis]! * strides[axis]!;
    output.data[flat] = input.data[index]!;
    for (let axis = position.length - 1; axis >= 0; axis--) {
      if (++position[axis]! < output.shape[axis]!) break;
      position[axis] = 0;
    }
  }
}

const expand = defineOp({
  name: "expand",
  arity: 1,
  inferTypes: (inputs, attributes) => {
    const x = inputAt("expand", inputs, 0);
    const shape = staticShape(shapeAttribute("expand", attributes, "shape"));
    const offset = shape.length - x.shape.length;
    const fits =
      offset >= 0 &&
      x.shape.every((dimension, axis) => dimension === 1 || dimension === shape[axis + offset]);
    if (!fits) throw shapeMismatch("expand", `a shape that broadcasts to ${formatShape(shape)}`, [x]);
    return [{ dtype: x.dtype, shape }];
  },
  gradient: (ops, { inputs, outputGradients }) => [ops.sumTo(outputGradients[0]!, inputs[0]!.shape)],
  lower: (emitter, { inputs, outputs, outputTypes }) => {
    emitter.node("Expand", [inputs[0]!, emitter.int64(staticShape(outputTypes[0]!.shape))], { outputs });
  },
  evaluate: (inputs, _attributes, types) => {
    const output = outputLike(types[0]);
    const indices = broadcastIndices(inputs[0]!.shape, output.shape);
    for (let flat = 0; flat < output.data.length; flat++)
      output.data[flat] = inputs[0]!.data[indices[flat]!]!;
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

const slice = defineOp({
  name: "slice",
  arity: 1,
  inferTypes: (inputs, attributes) => {
    const x = inputAt("slice", inputs, 0);
    const axis = normaliseAxis(numberAttribute("slice", attributes, "axis"), x.shape.length, "slice");
    const start = numberAttribute("slice", attributes, "start");
    const end = numberAttribute("slice", attributes, "end");
    const size = x.shape[axis]!;
    if (start < 0 || end < start || (typeof size === "number" && end > size)) {
      throw shapeMismatch("slice", `0 <= start <= end <= size on axis ${axis} for ${start}..${end}`, [x]);
    }
    return [
      {
        dtype: x.dtype,
        shape: x.shape.map((dimension, index) => (index === axis ? end - start : dimension)),
      },
    ];
  },
  gradient: (ops, { inputs, outputGradients, attributes }) => {
    const axis = numberAttribute("slice", attributes, "axis");
    const size = staticShape(inputs[0]!.shape)[axis < 0 ? axis + inputs[0]!.shape.length : axis]!;
    const start = numberAttribute("slice", attributes, "start");
    const end = numberAttribute("slice", attributes, "end");
    return [ops.pad(outputGradients[0]!, axis, start, size - end)];
  },
  lower: (emitter, { inputs, outputs, attributes }) => {
    const int64 = (name: string): string => emitter.int64([numberAttribute("slice", attributes, name)]);
    emitter.node("Slice", [inputs[0]!, int64("start"), int64("end"), int64("axis")], { outputs });
  },
  evaluate: (inputs, attributes, types) => {
    const x = inputs[0]!;
    const axis = normaliseAxis(numberAttribute("slice", attributes, "axis"), x.shape.length, "slice");
    const strides = stridesOf(x.shape);
    const output = outputLike(types[0]);
    copyStrided(x, output, strides, numberAttribute("slice", attributes, "start") * strides[axis]!);
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

/** Zeros before and after along one axis: the adjoint of slice. */
const pad = defineOp({
  name: "pad",
  arity: 1,
  inferTypes: (inputs, attributes) => {
    const x = inputAt("pad", inputs, 0, "float32");
    const shape = [...staticShape(x.shape)];
    const axis = normaliseAxis(numberAttribute("pad", attributes, "axis"), shape.length, "pad");
    shape[axis]! +=
      numberAttribute("pad", attributes, "before") + numberAttribute("pad", attributes, "after");
    return [{ dtype: x.dtype, shape }];
  },
  gradient: (ops, { inputs, outputGradients, attributes }) => {
    const axis = numberAttribute("pad", attributes, "axis");
    const before = numberAttribute("pad", attributes, "before");
    const size = staticShape(inputs[0]!.shape).at(axis)!;
    return [ops.slice(outputGradients[0]!, axis, before, before + size)];
  },
  lower: (emitter, { inputs, inputTypes, outputs, attributes }) => {
    const shape = staticShape(inputTypes[0]!.shape);
    const axis = normaliseAxis(numberAttribute("pad", attributes, "axis"), shape.length, "pad");
    const parts = [inputs[0]!];
    const zeros = (length: number): string =>
      emitter.zeros(shape.map((size, index) => (index === axis ? length : size)));
    const before = numberAttribute("pad", attributes, "before");
    const after = numberAttribute("pad", attributes, "after");
    if (before > 0) parts.unshift(zeros(before));
    if (after > 0) parts.push(zeros(after));
    emitter.node("Concat", parts, { outputs, attributes: { axis: { int: axis } } });
  },
  evaluate: (inputs, attributes, types) => {
    const x = inputs[0]!;
    const output = outputLike(types[0]);
    const axis = normaliseAxis(numberAttribute("pad", attributes, "axis"), x.shape.length, "pad");
    scatterAlong(x, output, axis, numberAttribute("pad", attributes, "before"));
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

/** Writes `part` into `output` at `offset` along `axis`. */
function scatterAlong(part: ReferenceTensor, output: ReferenceTensor, axis: number, offset: number): void {
  const strides = stridesOf(output.shape);
  const position = new Array<number>(part.shape.length).fill(0);
  for (let flat = 0; flat < part.data.length; flat++) {
    let index = offset * strides[axis]!;
    for (let dimension = 0; dimension < position.length; dimension++)
      index += position[dimension]! * strides[dimension]!;
    output.data[index] = part.data[flat]!;
    for (let dimension = position.length - 1; dimension >= 0; dimension--) {
      if (++position[dimension]! < part.shape[dimension]!) break;
      position[dimension] = 0;
    }
  }
}

function concatType(inputs: readonly TensorType[], axisAttribute: number): TensorType {
  const first = inputAt("concat", inputs, 0);
  const axis = normaliseAxis(axisAttribute, first.shape.length, "concat");
  const others = (shape: Shape): Dimension[] => shape.filter((_, index) => index !== axis);
  for (const [index, input] of inputs.entries()) {
    inputAt("concat", inputs, index, first.dtype);
    if (!sameShape(others(input.shape), others(first.shape))) {
      throw shapeMismatch("concat", `equal shapes apart from axis ${axis}`, inputs);
    }
  }
  const size = inputs.map((input) => input.shape[axis]!).reduce(addDimensions);
  return {
    dtype: first.dtype,
    shape: first.shape.map((dimension, index) => (index === axis ? size : dimension)),
  };
}

const concat = defineOp({
  name: "concat",
  arity: [1, 4096],
  inferTypes: (inputs, attributes) => [concatType(inputs, numberAttribute("concat", attributes, "axis"))],
  gradient: (ops, { inputs, outputGradients, attributes, isWanted }) => {
    const axis = numberAttribute("concat", attributes, "axis");
    let start = 0;
    return inputs.map((input: Value, index) => {
      const end = start + staticShape(input.shape).at(axis)!;
      const gradient = isWanted[index] ? ops.slice(outputGradients[0]!, axis, start, end) : undefined;
      start = end;
      return gradient;
    });
  },
  lower: (emitter: OnnxEmitter, { inputs, outputs, attributes }) => {
    const axis = numberAttribute("concat", attributes, "axis");
    emitter.node("Concat", inputs, { outputs, attributes: { axis: { int: axis } } });
  },
  evaluate: (inputs, attributes, types) => {
    const output = outputLike(types[0]);
    const axis = normaliseAxis(numberAttribute("concat", attributes, "axis"), output.shape.length, "concat");
    let offset = 0;
    for (const input of inputs) {
      scatterAlong(input, output, axis, offset);
      offset += input.shape[axis]!;
    }
    return [output];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

export const MOVEMENT_OPS: readonly OpDefinition[] = [reshape, transpose, expand, slice, pad, concat];
