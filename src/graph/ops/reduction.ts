/** Reductions over given axes; reduced axes stay with size 1, so that results broadcast back. */
import type { DType } from "../../tensor/dtype.ts";
import { normaliseAxis, type Shape, staticShape } from "../../tensor/shape.ts";
import type { Attributes, Value } from "../ir.ts";
import { defineOp, type OpDefinition, type OpFunctions, type ReferenceTensor } from "../op.ts";
import { inputAt, numbersAttribute } from "./check.ts";
import { broadcastIndices, outputLike } from "./reference.ts";

interface ReductionRow {
  readonly name: string;
  readonly onnx: string;
  readonly dtypes: readonly DType[];
  /** ReduceMax still takes its axes as an attribute in opset 17. */
  readonly axesAsAttribute: boolean;
  readonly initial: number;
  readonly combine: (accumulator: number, x: number) => number;
  readonly finish: (accumulator: number, count: number) => number;
  readonly gradient: (
    ops: OpFunctions,
    x: Value,
    y: Value,
    gradient: Value,
    axes: readonly number[],
  ) => Value;
}

const ROWS: readonly ReductionRow[] = [
  {
    name: "reduce_sum",
    onnx: "ReduceSum",
    dtypes: ["float32"],
    axesAsAttribute: false,
    initial: 0,
    combine: (total, x) => total + x,
    finish: (total) => total,
    gradient: (ops, x, _y, g) => ops.expand(g, x.shape),
  },
  {
    name: "reduce_mean",
    onnx: "ReduceMean",
    dtypes: ["float32"],
    axesAsAttribute: true,
    initial: 0,
    combine: (total, x) => total + x,
    finish: (total, count) => total / count,
    gradient: (ops, x, _y, g, axes) => {
      const shape = staticShape(x.shape);
      const count = axes.reduce((product, axis) => product * shape[axis]!, 1);
      return ops.expand(ops.mul(g, ops.scalarLike(g, 1 / count)), x.shape);
    },
  },
  {
    name: "reduce_max",
    onnx: "ReduceMax",
    dtypes: ["float32", "int32"],
    axesAsAttribute: true,
    initial: Number.NEGATIVE_INFINITY,
    combine: Math.max,
    finish: (most) => most,
    // ties share the gradient equally, as torch.amax does
    gradient: (ops, x, y, g, axes) => {
      const isMost = ops.toFloat32(ops.equal(x, y));
      return ops.mul(isMost, ops.div(g, ops.reduceSum(isMost, axes)));
    },
  },
];

function axesOf(op: string, attributes: Attributes, rank: number): number[] {
  return numbersAttribute(op, attributes, "axes").map((axis) => normaliseAxis(axis, rank, op));
}

function reducedShape(shape: Shape, axes: readonly number[]): Shape {
  return shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension));
}

function reduce(row: ReductionRow, x: ReferenceTensor, output: ReferenceTensor): ReferenceTensor {
  const counts = new Float64Array(output.data.length);
  output.data.fill(row.initial);
  const indices = broadcastIndices(output.shape, x.shape);
  for (let flat = 0; flat < x.data.length; flat++) {
    const index = indices[flat]!;
    output.data[index] = row.combine(output.data[index]!, x.data[flat]!);
    counts[index]!++;
  }
  for (let index = 0; index < output.data.length; index++) {
    output.data[index] = row.finish(output.data[index]!, counts[index]!);
  }
  return output;
}

export const REDUCTION_OPS: readonly OpDefinition[] = ROWS.map((row) =>
  defineOp({
    name: row.name,
    arity: 1,
    inferTypes: (inputs, attributes) => {
      const x = inputAt(row.name, inputs, 0, ...row.dtypes);
      return [{ dtype: x.dtype, shape: reducedShape(x.shape, axesOf(row.name, attributes, x.shape.length)) }];
    },
    gradient: (ops, { inputs, outputs, outputGradients, attributes }) => {
      const axes = axesOf(row.name, attributes, inputs[0]!.shape.length);
      return [row.gradient(ops, inputs[0]!, outputs[0]!, outputGradients[0]!, axes)];
    },
    lower: (emitter, { inputs, inputTypes, outputs, attributes }) => {
      const axes = axesOf(row.name, attributes, inputTypes[0]!.shape.length);
      if (axes.length === 0) {
        emitter.node("Identity", inputs, { outputs });
      } else if (row.axesAsAttribute) {
        emitter.node(row.onnx, inputs, {
          outputs,
          attributes: { axes: { ints: axes }, keepdims: { int: 1 } },
        });
      } else {
        emitter.node(row.onnx, [inputs[0]!, emitter.int64(axes)], {
          outputs,
          attributes: { keepdims: { int: 1 } },
        });
      }
    },
    evaluate: (inputs, _attributes, types) => [reduce(row, inputs[0]!, outputLike(types[0]))],
    traits: { isElementwise: false, isRecomputed: false },
  }),
);
