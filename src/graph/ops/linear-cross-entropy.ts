/**
 * Output projection and cross-entropy in one op, a chunk of rows at a time:
 *
 *   loss = scale * sum over labelled n of -log softmax(cap(hidden[n] weight^T + bias))[label[n]]
 *
 * cap(z) = c tanh(z / c) with the attribute logitSoftcap = c (Gemma 2, arXiv 2408.00118), z without it.
 *
 * Shapes: hidden f32 [N, H], weight f32 [V, H], bias f32 [V], labels i32 [N] (negative = ignored), scale f32 [].
 * Outputs: loss [], d_hidden [N, H], d_weight [V, H], d_bias [V].
 *
 * The gradients are made in the same pass as the loss, so that no more than [rowsPerChunk, V] logits ever live,
 * instead of the [N, V] logits, their log-softmax and their gradient. Backends skip the outputs nobody reads.
 */
import { staticShape } from "../../tensor/shape.ts";
import type { Attributes } from "../ir.ts";
import {
  defineOp,
  type LoweringContext,
  type OnnxEmitter,
  type OpDefinition,
  type ReferenceTensor,
} from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { outputLike } from "./reference.ts";

const NAME = "linear_cross_entropy";

interface Chunk {
  readonly hidden: string;
  readonly labels: string;
  readonly rows: number;
}

function sliceRows(emitter: OnnxEmitter, x: string, start: number, end: number): string {
  return emitter.node("Slice", [x, emitter.int64([start]), emitter.int64([end]), emitter.int64([0])])[0]!;
}

/**
 * 0, but known only after `values` [rows, columns] are: added to the next chunk's hidden states it makes the
 * runtime finish one chunk before it starts another, which is what keeps a single chunk's logits alive.
 */
function zeroAfter(emitter: OnnxEmitter, values: readonly string[]): string {
  const zero = emitter.int64([0, 0]);
  const one = emitter.int64([1, 1]);
  const corners = values.map((value) => emitter.node("Slice", [value, zero, one, emitter.int64([0, 1])])[0]!);
  const [sum] = emitter.node("Sum", corners);
  const [isNan] = emitter.node("IsNaN", [sum!]);
  const [isAny] = emitter.node("Where", [isNan!, emitter.float(0), emitter.float(0)]);
  return emitter.node("Reshape", [isAny!, emitter.int64([])])[0]!;
}

function softcapOf(attributes: Attributes): number | undefined {
  return attributes.logitSoftcap === undefined
    ? undefined
    : numberAttribute(NAME, attributes, "logitSoftcap");
}

/** Emits one chunk; returns the loss term [] and what the gradients need. */
function lowerChunk(emitter: OnnxEmitter, context: LoweringContext, chunk: Chunk) {
  const [, weight, bias, , scale] = context.inputs as [string, string, string, string, string];
  const [logits] = emitter.node("Gemm", [chunk.hidden, weight, bias], { attributes: { transB: { int: 1 } } });
  const softcap = softcapOf(context.attributes);
  const tanh =
    softcap && emitter.node("Tanh", [emitter.node("Mul", [logits!, emitter.float(1 / softcap)])[0]!])[0];
  const capped = softcap && tanh ? emitter.node("Mul", [tanh, emitter.float(softcap)])[0] : logits;
  const [logProbabilities] = emitter.node("LogSoftmax", [capped!], { attributes: { axis: { int: -1 } } });
  const [isLabelled] = emitter.node("GreaterOrEqual", [chunk.labels, emitter.int32Scalar(0)]);
  const [kept] = emitter.node("Cast", [isLabelled!], { attributes: { to: { int: 1 } } });
  const [rowWeights] = emitter.node("Mul", [kept!, scale]);
  const [rowWeightColumn] = emitter.node("Unsqueeze", [rowWeights!, emitter.int64([1])]);
  const [safeLabels] = emitter.node("Where", [isLabelled!, chunk.labels, emitter.int32Scalar(0)]);
  const [labelColumn] = emitter.node("Unsqueeze", [safeLabels!, emitter.int64([1])]);
  const [picked] = emitter.node("GatherElements", [logProbabilities!, labelColumn!], {
    attributes: { axis: { int: 1 } },
  });
  const [weighted] = emitter.node("Mul", [picked!, rowWeightColumn!]);
  const [total] = emitter.node("ReduceSum", [weighted!], { attributes: { keepdims: { int: 0 } } });
  const [loss] = emitter.node("Neg", [total!]);
  return {
    loss: loss!,
    /** tanh(logits / cap), where there is a cap */
    tanh,
    logProbabilities: logProbabilities!,
    labelColumn: labelColumn!,
    rowWeightColumn: rowWeightColumn!,
  };
}

/** (softmax - one hot)(1 - tanh^2): the gradient of one row's loss by its logits, before the row's weight. */
function logitGradient(emitter: OnnxEmitter, terms: ReturnType<typeof lowerChunk>, rows: number): string {
  const [probabilities] = emitter.node("Exp", [terms.logProbabilities]);
  const [minusOnes] = emitter.node("Expand", [emitter.float(-1), emitter.int64([rows, 1])]);
  const [difference] = emitter.node("ScatterElements", [probabilities!, terms.labelColumn, minusOnes!], {
    attributes: { axis: { int: 1 }, reduction: { string: "add" } },
  });
  if (!terms.tanh) return difference!;
  const [square] = emitter.node("Mul", [terms.tanh, terms.tanh]);
  const [slope] = emitter.node("Sub", [emitter.float(1), square!]);
  return emitter.node("Mul", [difference!, slope!])[0]!;
}

function lower(emitter: OnnxEmitter, context: LoweringContext): void {
  const [hidden, weight, , labels] = context.inputs as [string, string, string, string];
  const [rows] = staticShape(context.inputTypes[0]!.shape) as [number, number];
  const rowsPerChunk = numberAttribute(NAME, context.attributes, "rowsPerChunk");
  const [lossOutput, hiddenOutput, weightOutput, biasOutput] = context.outputs as [
    string,
    string,
    string,
    string,
  ];
  const losses: string[] = [];
  const hiddenGradients: string[] = [];
  /** [H, V]: turning the narrow factor of each chunk and the sum once is faster than turning the wide factors. */
  let turnedWeightGradient: string | undefined;
  let biasGradient: string | undefined;
  let previous: string | undefined;
  for (let start = 0; start < rows; start += rowsPerChunk) {
    const end = Math.min(start + rowsPerChunk, rows);
    const rowsOfHidden = sliceRows(emitter, hidden, start, end);
    const chunk = {
      hidden: previous ? emitter.node("Add", [rowsOfHidden, previous])[0]! : rowsOfHidden,
      labels: sliceRows(emitter, labels, start, end),
      rows: end - start,
    };
    const terms = lowerChunk(emitter, context, chunk);
    losses.push(terms.loss);
    if (!hiddenOutput && !weightOutput && !biasOutput) continue;
    const gradient = logitGradient(emitter, terms, chunk.rows);
    if (hiddenOutput) {
      const [unweighted] = emitter.node("Gemm", [gradient, weight]);
      hiddenGradients.push(emitter.node("Mul", [unweighted!, terms.rowWeightColumn])[0]!);
    }
    if (weightOutput) {
      // The row weight goes onto the narrow factor, not onto the [rows, V] one.
      const [weightedHidden] = emitter.node("Mul", [chunk.hidden, terms.rowWeightColumn]);
      const [turned] = emitter.node("Transpose", [weightedHidden!], {
        attributes: { perm: { ints: [1, 0] } },
      });
      const operands = [turned!, gradient, ...(turnedWeightGradient ? [turnedWeightGradient] : [])];
      turnedWeightGradient = emitter.node("Gemm", operands)[0]!;
    }
    if (biasOutput) {
      const operands = [gradient, terms.rowWeightColumn, ...(biasGradient ? [biasGradient] : [])];
      biasGradient = emitter.node("Gemm", operands, { attributes: { transA: { int: 1 } } })[0]!;
    }
    // The loss too: left to the end, its log-probabilities would stay in memory.
    const lossMatrix = emitter.node("Reshape", [terms.loss, emitter.int64([1, 1])])[0];
    const made = [lossMatrix, hiddenGradients.at(-1), turnedWeightGradient, biasGradient];
    previous = zeroAfter(
      emitter,
      made.filter((name) => name !== undefined),
    );
  }
  emitter.node("Sum", losses.length > 0 ? losses : [emitter.float(0)], { outputs: [lossOutput] });
  const zeros = (index: number): string => emitter.zeros(staticShape(context.outputTypes[index]!.shape));
  if (hiddenOutput) {
    const parts = hiddenGradients.length > 0 ? hiddenGradients : [zeros(1)];
    emitter.node("Concat", parts, { outputs: [hiddenOutput], attributes: { axis: { int: 0 } } });
  }
  if (weightOutput && turnedWeightGradient) {
    emitter.node("Transpose", [turnedWeightGradient], {
      outputs: [weightOutput],
      attributes: { perm: { ints: [1, 0] } },
    });
  } else if (weightOutput) emitter.node("Identity", [zeros(2)], { outputs: [weightOutput] });
  if (biasOutput) {
    const width = staticShape(context.outputTypes[3]!.shape);
    emitter.node("Reshape", [biasGradient ?? zeros(3), emitter.int64(width)], { outputs: [biasOutput] });
  }
}

function evaluate(
  inputs: readonly ReferenceTensor[],
  softcap: number | undefined,
  types: Parameters<OpDefinition["evaluate"]>[2],
) {
  const [hidden, weight, bias, labels, scale] = inputs as [
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
  ];
  const [loss, dHidden, dWeight, dBias] = types.map(outputLike) as [
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
    ReferenceTensor,
  ];
  const [rows, width] = hidden.shape as [number, number];
  const classes = weight.shape[0]!;
  const logits = new Float64Array(classes);
  for (let row = 0; row < rows; row++) {
    const label = labels.data[row]!;
    if (label < 0) continue;
    for (let c = 0; c < classes; c++) {
      logits[c] = bias.data[c]!;
      for (let k = 0; k < width; k++)
        logits[c]! += hidden.data[row * width + k]! * weight.data[c * width + k]!;
      if (softcap) logits[c] = softcap * Math.tanh(logits[c]! / softcap);
    }
    const most = Math.max(...logits);
    const logSum = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
    loss.data[0]! += scale.data[0]! * (logSum - logits[label]!);
    for (let c = 0; c < classes; c++) {
      const slope = softcap ? 1 - (logits[c]! / softcap) ** 2 : 1;
      const d = scale.data[0]! * slope * (Math.exp(logits[c]! - logSum) - (c === label ? 1 : 0));
      dBias.data[c]! += d;
      for (let k = 0; k < width; k++) {
        dHidden.data[row * width + k]! += d * weight.data[c * width + k]!;
        dWeight.data[c * width + k]! += d * hidden.data[row * width + k]!;
      }
    }
  }
  return [loss, dHidden, dWeight, dBias];
}

const linearCrossEntropy = defineOp({
  name: NAME,
  arity: 5,
  inferTypes: (inputs) => {
    const hidden = inputAt(NAME, inputs, 0, "float32");
    const weight = inputAt(NAME, inputs, 1, "float32");
    const bias = inputAt(NAME, inputs, 2, "float32");
    const labels = inputAt(NAME, inputs, 3, "int32");
    const scale = inputAt(NAME, inputs, 4, "float32");
    const [rows, width] = hidden.shape;
    const classes = weight.shape[0];
    const isLegal =
      hidden.shape.length === 2 &&
      weight.shape.join() === `${classes},${width}` &&
      bias.shape.join() === `${classes}` &&
      labels.shape.join() === `${rows}` &&
      scale.shape.length === 0;
    if (!isLegal) {
      throw shapeMismatch(NAME, "hidden[N, H], weight[V, H], bias[V], labels[N], scale[]", inputs);
    }
    return [{ dtype: "float32", shape: [] }, hidden, weight, bias];
  },
  gradient: (ops, { outputs, outputGradients, isWanted }) => {
    const g = outputGradients[0]!;
    const scaled = (index: number) => (isWanted[index - 1] ? ops.mul(outputs[index]!, g) : undefined);
    return [scaled(1), scaled(2), scaled(3), undefined, undefined];
  },
  lower,
  evaluate: (inputs, attributes, types) => evaluate(inputs, softcapOf(attributes), types),
  productFlops: ({ inputTypes, isRead }) => {
    const [rows, width] = staticShape(inputTypes[0]!.shape) as [number, number];
    const classes = Number(inputTypes[1]!.shape[0]);
    const [, makesHidden, makesWeight, makesBias] = isRead.map(Number) as [number, number, number, number];
    return 2 * rows * classes * (width * (1 + makesHidden + makesWeight) + makesBias);
  },
  traits: { isElementwise: false, isRecomputed: false },
});

export const LOSS_OPS: readonly OpDefinition[] = [linearCrossEntropy];
