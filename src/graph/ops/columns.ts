/** Ops along the last axis ("columns") that work where its size is a symbol: places and positions of tokens. */
import { sameShape } from "../../tensor/shape.ts";
import { defineOp, type OpDefinition } from "../op.ts";
import { inputAt, shapeMismatch } from "./check.ts";
import { lastAxisRows, outputLike } from "./reference.ts";

/** y[..., i] = x[..., 0] + ... + x[..., i] */
const cumulativeSum = defineOp({
  name: "cumulative_sum",
  arity: 1,
  inferTypes: (inputs) => {
    const x = inputAt("cumulative_sum", inputs, 0, "float32", "int32");
    if (x.shape.length === 0) throw shapeMismatch("cumulative_sum", "at least one axis", inputs);
    return [x];
  },
  // dx[i] = g[i] + ... + g[last], which is the total without what lies before i
  gradient: (ops, { outputGradients }) => {
    const g = outputGradients[0]!;
    return [ops.add(ops.sub(ops.reduceSum(g, [-1]), ops.cumulativeSum(g)), g)];
  },
  lower: (emitter, { inputs, inputTypes, outputs }) => {
    emitter.node("CumSum", [inputs[0]!, emitter.int64Scalar(inputTypes[0]!.shape.length - 1)], { outputs });
  },
  evaluate: (inputs, _attributes, types) => {
    const y = outputLike(types[0]);
    const { length } = lastAxisRows(y.shape);
    for (const [index, value] of inputs[0]!.data.entries()) {
      y.data[index] = value + (index % length ? y.data[index - 1]! : 0);
    }
    return [y];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

/** The last columns of x [..., S], as many as y [..., T] has, T at least 1 and at most S. */
const lastColumns = defineOp({
  name: "last_columns",
  arity: 2,
  inferTypes: (inputs) => {
    const x = inputAt("last_columns", inputs, 0, "float32", "int32");
    const like = inputAt("last_columns", inputs, 1);
    const [wide, narrow] = [x.shape.at(-1), like.shape.at(-1)];
    const isTooNarrow = typeof wide === "number" && typeof narrow === "number" && wide < narrow;
    if (narrow === undefined || isTooNarrow || !sameShape(x.shape.slice(0, -1), like.shape.slice(0, -1))) {
      throw shapeMismatch("last_columns", "x[..., S] and y[..., T] with T at most S", inputs);
    }
    return [{ dtype: x.dtype, shape: like.shape }];
  },
  gradient: { none: "cuts the masks and positions of exported graphs, which are not trained" },
  lower: (emitter, { inputs, inputTypes, outputs }) => {
    const axis = inputTypes[1]!.shape.length - 1;
    const [columns] = emitter.node("Shape", [inputs[1]!], {
      attributes: { start: { int: axis }, end: { int: axis + 1 } },
    });
    const [start] = emitter.node("Neg", [columns!]);
    emitter.node("Slice", [inputs[0]!, start!, emitter.int64([2 ** 31]), emitter.int64([axis])], { outputs });
  },
  evaluate: (inputs, _attributes, types) => {
    const y = outputLike(types[0]);
    const [wide, narrow] = [inputs[0]!.shape.at(-1)!, y.shape.at(-1)!];
    for (let row = 0; row * narrow < y.data.length; row++) {
      const end = (row + 1) * wide;
      y.data.set(inputs[0]!.data.subarray(end - narrow, end), row * narrow);
    }
    return [y];
  },
  traits: { isElementwise: false, isRecomputed: false },
});

export const COLUMN_OPS: readonly OpDefinition[] = [cumulativeSum, lastColumns];
