/** Softmax and its logarithm over the last axis, computed after subtracting the row's maximum. */
import { defineOp, type OpDefinition, type ReferenceTensor } from "../op.ts";
import { inputAt } from "./check.ts";
import { lastAxisRows, outputLike } from "./reference.ts";

/** log(sum(exp(x))) of one row. */
function logSumExp(data: Float64Array, start: number, length: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let column = 0; column < length; column++) most = Math.max(most, data[start + column]!);
  let sum = 0;
  for (let column = 0; column < length; column++) sum += Math.exp(data[start + column]! - most);
  return most + Math.log(sum);
}

function mapRows(
  x: ReferenceTensor,
  output: ReferenceTensor,
  f: (x: number, logSum: number) => number,
): ReferenceTensor {
  const { rows, length } = lastAxisRows(x.shape);
  for (let row = 0; row < rows; row++) {
    const logSum = logSumExp(x.data, row * length, length);
    for (let column = 0; column < length; column++) {
      const flat = row * length + column;
      output.data[flat] = f(x.data[flat]!, logSum);
    }
  }
  return output;
}

const softmax = defineOp({
  name: "softmax",
  arity: 1,
  inferTypes: (inputs) => [inputAt("softmax", inputs, 0, "float32")],
  // dx = y (g - sum(g y))
  gradient: (ops, { outputs, outputGradients }) => {
    const y = outputs[0]!;
    const weighted = ops.mul(outputGradients[0]!, y);
    return [ops.sub(weighted, ops.mul(y, ops.reduceSum(weighted, [-1])))];
  },
  lower: (emitter, { inputs, outputs }) => {
    emitter.node("Softmax", inputs, { outputs, attributes: { axis: { int: -1 } } });
  },
  evaluate: (inputs, _attributes, types) => [
    mapRows(inputs[0]!, outputLike(types[0]), (x, logSum) => Math.exp(x - logSum)),
  ],
  traits: { isElementwise: false, isRecomputed: false },
});

const logSoftmax = defineOp({
  name: "log_softmax",
  arity: 1,
  inferTypes: (inputs) => [inputAt("log_softmax", inputs, 0, "float32")],
  // dx = g - exp(y) sum(g)
  gradient: (ops, { outputs, outputGradients }) => {
    const g = outputGradients[0]!;
    return [ops.sub(g, ops.mul(ops.exp(outputs[0]!), ops.reduceSum(g, [-1])))];
  },
  lower: (emitter, { inputs, outputs }) => {
    emitter.node("LogSoftmax", inputs, { outputs, attributes: { axis: { int: -1 } } });
  },
  evaluate: (inputs, _attributes, types) => [
    mapRows(inputs[0]!, outputLike(types[0]), (x, logSum) => x - logSum),
  ],
  traits: { isElementwise: false, isRecomputed: false },
});

export const SOFTMAX_OPS: readonly OpDefinition[] = [softmax, logSoftmax];
