/** Layer normalisation (arXiv 1607.06450) and RMS normalisation (arXiv 1910.07467) over the last axis. */
import type { Value } from "../ir.ts";
import { defineOp, type OpDefinition, type OpFunctions } from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { lastAxisRows, outputLike } from "./reference.ts";

const leadingAxes = (x: Value): number[] => x.shape.slice(0, -1).map((_, axis) => axis);

/** Sum over all but the last axis, as a vector. */
function sumRows(ops: OpFunctions, x: Value): Value {
  return ops.reshape(ops.reduceSum(x, leadingAxes(x)), [x.shape.at(-1)!]);
}

/** y = (x - mean) / sqrt(variance + epsilon) * weight + bias; further outputs: mean, 1 / sqrt(variance + epsilon). */
const layerNorm = defineOp({
  name: "layer_norm",
  arity: 3,
  inferTypes: (inputs) => {
    const x = inputAt("layer_norm", inputs, 0, "float32");
    const width = x.shape.at(-1);
    if (
      width === undefined ||
      inputs[1]!.shape.join() !== `${width}` ||
      inputs[2]!.shape.join() !== `${width}`
    ) {
      throw shapeMismatch("layer_norm", "x[..., H], weight[H], bias[H]", inputs);
    }
    const row = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] };
    return [x, row, row];
  },
  gradient: (ops, { inputs, outputs, outputGradients, isWanted }) => {
    const [x, weight] = inputs as [Value, Value, Value];
    const [, mean, inverseDeviation] = outputs as [Value, Value, Value];
    const g = outputGradients[0]!;
    const normal = ops.mul(ops.sub(x, mean), inverseDeviation);
    const forX = (): Value => {
      const gNormal = ops.mul(g, weight);
      const centred = ops.sub(gNormal, ops.reduceMean(gNormal, [-1]));
      const projection = ops.mul(normal, ops.reduceMean(ops.mul(gNormal, normal), [-1]));
      return ops.mul(ops.sub(centred, projection), inverseDeviation);
    };
    return [
      isWanted[0] ? forX() : undefined,
      isWanted[1] ? sumRows(ops, ops.mul(g, normal)) : undefined,
      isWanted[2] ? sumRows(ops, g) : undefined,
    ];
  },
  lower: (emitter, { inputs, outputs, attributes }) => {
    emitter.node("LayerNormalization", inputs, {
      outputs: outputs[1] === "" && outputs[2] === "" ? [outputs[0]!] : outputs,
      attributes: {
        axis: { int: -1 },
        epsilon: { float: numberAttribute("layer_norm", attributes, "epsilon") },
      },
    });
  },
  evaluate: (inputs, attributes, types) => {
    const [x, weight, bias] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
    const [y, means, inverses] = types.map(outputLike) as [
      (typeof inputs)[0],
      (typeof inputs)[0],
      (typeof inputs)[0],
    ];
    const { rows, length } = lastAxisRows(x.shape);
    for (let row = 0; row < rows; row++) {
      const values = x.data.subarray(row * length, (row + 1) * length);
      const mean = values.reduce((sum, value) => sum + value, 0) / length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
      const inverse = 1 / Math.sqrt(variance + numberAttribute("layer_norm", attributes, "epsilon"));
      means.data[row] = mean;
      inverses.data[row] = inverse;
      for (let column = 0; column < length; column++) {
        y.data[row * length + column] =
          (values[column]! - mean) * inverse * weight.data[column]! + bias.data[column]!;
      }
    }
    return [y, means, inverses];
  },
  traits: { isElementwise: false, isRecomputed: true },
});

/** y = x / sqrt(mean(x^2) + epsilon) * weight; second output: 1 / sqrt(mean(x^2) + epsilon). */
const rmsNorm = defineOp({
  name: "rms_norm",
  arity: 2,
  inferTypes: (inputs) => {
    const x = inputAt("rms_norm", inputs, 0, "float32");
    const width = x.shape.at(-1);
    if (width === undefined || inputs[1]!.shape.join() !== `${width}`) {
      throw shapeMismatch("rms_norm", "x[..., H], weight[H]", inputs);
    }
    return [x, { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] }];
  },
  gradient: (ops, { inputs, outputs, outputGradients, isWanted }) => {
    const [x, weight] = inputs as [Value, Value];
    const inverse = outputs[1]!;
    const g = outputGradients[0]!;
    const normal = ops.mul(x, inverse);
    const forX = (): Value => {
      const gNormal = ops.mul(g, weight);
      const projection = ops.mul(normal, ops.reduceMean(ops.mul(gNormal, normal), [-1]));
      return ops.mul(ops.sub(gNormal, projection), inverse);
    };
    return [isWanted[0] ? forX() : undefined, isWanted[1] ? sumRows(ops, ops.mul(g, normal)) : undefined];
  },
  lower: (emitter, { inputs, outputs, attributes }) => {
    emitter.node("SimplifiedLayerNormalization", inputs, {
      outputs: outputs[1] === "" ? [outputs[0]!] : outputs,
      attributes: {
        axis: { int: -1 },
        epsilon: { float: numberAttribute("rms_norm", attributes, "epsilon") },
      },
    });
  },
  lowerStandard: (emitter, { inputs, outputs, attributes }) => {
    const [x, weight] = inputs as [string, string];
    const [squares] = emitter.node("Pow", [x, emitter.float(2)]);
    const [mean] = emitter.node("ReduceMean", [squares!], {
      attributes: { axes: { ints: [-1] }, keepdims: { int: 1 } },
    });
    const epsilon = emitter.float(numberAttribute("rms_norm", attributes, "epsilon"));
    const [shifted] = emitter.node("Add", [mean!, epsilon]);
    const [root] = emitter.node("Sqrt", [shifted!]);
    const [normal] = emitter.node("Div", [x, root!]);
    emitter.node("Mul", [normal!, weight], { outputs: [outputs[0]!] });
    if (outputs[1] !== "") emitter.node("Reciprocal", [root!], { outputs: [outputs[1]!] });
  },
  evaluate: (inputs, attributes, types) => {
    const [x, weight] = inputs as [(typeof inputs)[0], (typeof inputs)[0]];
    const [y, inverses] = types.map(outputLike) as [(typeof inputs)[0], (typeof inputs)[0]];
    const { rows, length } = lastAxisRows(x.shape);
    for (let row = 0; row < rows; row++) {
      const values = x.data.subarray(row * length, (row + 1) * length);
      const meanSquare = values.reduce((sum, value) => sum + value * value, 0) / length;
      const inverse = 1 / Math.sqrt(meanSquare + numberAttribute("rms_norm", attributes, "epsilon"));
      inverses.data[row] = inverse;
      for (let column = 0; column < length; column++) {
        y.data[row * length + column] = values[column]! * inverse * weight.data[column]!;
      }
    }
    return [y, inverses];
  },
  traits: { isElementwise: false, isRecomputed: true },
});

export const NORMALISATION_OPS: readonly OpDefinition[] = [layerNorm, rmsNorm];
