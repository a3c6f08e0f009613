/**
 * Output projection and cross-entropy in one op, a chunk of rows at a time:
 *
 *   loss = sum over labelled n of -scale[n] log softmax(cap(hidden[n] weight^T + bias))[label[n]]
 *
 * cap(z) = c tanh(z / c) with the attribute logitSoftcap = c (Gemma 2, arXiv 2408.00118), z without it.
 *
 * Shapes: hidden f32 [N, H], weight f32 [V, H], bias f32 [V], labels i32 [N] (negative = ignored), scale f32 [N], or [] for
 * all rows.
 * Outputs: loss [], d_hidden [N, H], d_weight [V, H], d_bias [V].
 *
 * The gradients are made in the same pass as the loss, so that no more than [rowsPerChunk, V] logits ever live,
 * instead of the [N, V] logits, their log-softmax and their gradient. Backends skip the outputs nobody reads.
 */
import { staticShape } from "../../tensor/shape.ts";
import {
  defineOp,
  type LoweringContext,
  type OnnxEmitter,
  type OpDefinition,
  type ReferenceTensor,
} from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { outputLike } from "./reference.ts";
import {
  type Chunk,
  chunkTerms,
  logitGradient,
  rowLogProbabilities,
  sliceRows,
  softcapOf,
  type VocabularyHead,
  zeroAfter,
} from "./vocabulary-chunks.ts";

const NAME = "linear_cross_entropy";

/** Emits one chunk; returns the loss term [] and what the gradients need. */
function lowerChunk(emitter: OnnxEmitter, head: VocabularyHead, chunk: Chunk, scale: string) {
  const terms = chunkTerms(emitter, head, chunk);
  const [rowWeights] = emitter.node("Mul", [terms.kept, scale]);
  const [rowWeightColumn] = emitter.node("Unsqueeze", [rowWeights!, emitter.int64([1])]);
  const [weighted] = emitter.node("Mul", [terms.picked, rowWeightColumn!]);
  const [total] = emitter.node("ReduceSum", [weighted!], { attributes: { keepdims: { int: 0 } } });
  const [loss] = emitter.node("Neg", [total!]);
  return { ...terms, loss: loss!, rowWeightColumn: rowWeightColumn! };
}

function lower(emitter: OnnxEmitter, context: LoweringContext): void {
  const [hidden, weight, bias, labels, scale] = context.inputs as [string, string, string, string, string];
  const head = { weight, bias, softcap: softcapOf(NAME, context.attributes) };
  const isScaledByRow = context.inputTypes[4]!.shape.length === 1;
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
    const rowScale = isScaledByRow ? sliceRows(emitter, scale, start, end) : scale;
    const terms = lowerChunk(emitter, head, chunk, rowScale);
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
  const head = { weight, bias, softcap };
  for (let row = 0; row < rows; row++) {
    const label = labels.data[row]!;
    if (label < 0) continue;
    const { logProbabilities, slopes } = rowLogProbabilities(hidden, row, head);
    const rowScale = scale.data[scale.data.length === 1 ? 0 : row]!;
    loss.data[0]! -= rowScale * logProbabilities[label]!;
    for (let c = 0; c < classes; c++) {
      const d = rowScale * slopes[c]! * (Math.exp(logProbabilities[c]!) - (c === label ? 1 : 0));
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
      (scale.shape.length === 0 || scale.shape.join() === `${rows}`);
    if (!isLegal) {
      throw shapeMismatch(NAME, "hidden[N, H], weight[V, H], bias[V], labels[N], scale[] or [N]", inputs);
    }
    return [{ dtype: "float32", shape: [] }, hidden, weight, bias];
  },
  gradient: (ops, { outputs, outputGradients, isWanted }) => {
    const g = outputGradients[0]!;
    const scaled = (index: number) => (isWanted[index - 1] ? ops.mul(outputs[index]!, g) : undefined);
    return [scaled(1), scaled(2), scaled(3), undefined, undefined];
  },
  lower,
  evaluate: (inputs, attributes, types) => evaluate(inputs, softcapOf(NAME, attributes), types),
  productFlops: ({ inputTypes, isRead }) => {
    const [rows, width] = staticShape(inputTypes[0]!.shape) as [number, number];
    const classes = Number(inputTypes[1]!.shape[0]);
    const [, makesHidden, makesWeight, makesBias] = isRead.map(Number) as [number, number, number, number];
    return 2 * rows * classes * (width * (1 + makesHidden + makesWeight) + makesBias);
  },
  traits: { isElementwise: false, isRecomputed: false },
});

export const LINEAR_CROSS_ENTROPY_OPS: readonly OpDefinition[] = [linearCrossEntropy];
