/**
 * Output projection and the log-probability of each row's label, a chunk of rows at a time:
 *
 *   logp[n] = log softmax(cap(hidden[n] weight^T + bias))[label[n]], 0 where the label is negative
 *
 * cap as in linear_cross_entropy. Losses that are no sum over tokens (preference losses weigh the tokens of a response by how
 * much it is preferred already) are written on these.
 *
 * Shapes: hidden f32 [N, H], weight f32 [V, H], bias f32 [V], labels i32 [N]. Outputs: logp [N], d_hidden [N, H].
 *
 * d_hidden[n] = d logp[n] / d hidden[n] is made in the same pass, since no other row has a part in it: with a frozen head
 * nothing is computed twice. The gradients of weight and bias need the weight of each row first; they are those of
 * linear_cross_entropy with these weights, for which the logits are made once more.
 */
import { staticShape } from "../../tensor/shape.ts";
import { defineOp, type LoweringContext, type OnnxEmitter, type OpDefinition } from "../op.ts";
import { inputAt, numberAttribute, shapeMismatch } from "./check.ts";
import { outputLike } from "./reference.ts";
import {
  chunkTerms,
  logitGradient,
  rowLogProbabilities,
  sliceRows,
  softcapOf,
  zeroAfter,
} from "./vocabulary-chunks.ts";

const NAME = "linear_log_probabilities";

function lower(emitter: OnnxEmitter, context: LoweringContext): void {
  const [hidden, weight, bias, labels] = context.inputs as [string, string, string, string];
  const [output, hiddenOutput] = context.outputs as [string, string];
  const head = { weight, bias, softcap: softcapOf(NAME, context.attributes) };
  const [rows] = staticShape(context.inputTypes[0]!.shape) as [number, number];
  const rowsPerChunk = numberAttribute(NAME, context.attributes, "rowsPerChunk");
  const columns: string[] = [];
  const gradients: string[] = [];
  let previous: string | undefined;
  for (let start = 0; start < rows; start += rowsPerChunk) {
    const end = Math.min(start + rowsPerChunk, rows);
    const rowsOfHidden = sliceRows(emitter, hidden, start, end);
    const chunk = {
      hidden: previous ? emitter.node("Add", [rowsOfHidden, previous])[0]! : rowsOfHidden,
      labels: sliceRows(emitter, labels, start, end),
      rows: end - start,
    };
    const terms = chunkTerms(emitter, head, chunk);
    const [keptColumn] = emitter.node("Unsqueeze", [terms.kept, emitter.int64([1])]);
    columns.push(emitter.node("Mul", [terms.picked, keptColumn!])[0]!);
    if (hiddenOutput) {
      const gradient = logitGradient(emitter, terms, chunk.rows);
      const [negative] = emitter.node("Gemm", [gradient, weight], { attributes: { alpha: { float: -1 } } });
      gradients.push(emitter.node("Mul", [negative!, keptColumn!])[0]!);
    }
    previous = zeroAfter(emitter, [columns.at(-1)!, ...gradients.slice(-1)]);
  }
  const zeros = (index: number): string => emitter.zeros(staticShape(context.outputTypes[index]!.shape));
  const attributes = { axis: { int: 0 } };
  if (columns.length === 0) emitter.node("Identity", [zeros(0)], { outputs: [output] });
  else {
    const [column] = emitter.node("Concat", columns, { attributes });
    emitter.node("Squeeze", [column!, emitter.int64([1])], { outputs: [output] });
  }
  if (!hiddenOutput) return;
  emitter.node("Concat", gradients.length > 0 ? gradients : [zeros(1)], {
    outputs: [hiddenOutput],
    attributes,
  });
}

const evaluate: OpDefinition["evaluate"] = (inputs, attributes, types) => {
  const [hidden, weight, bias, labels] = inputs as [
    (typeof inputs)[0],
    (typeof inputs)[0],
    (typeof inputs)[0],
    (typeof inputs)[0],
  ];
  const [logp, dHidden] = types.map(outputLike) as [(typeof inputs)[0], (typeof inputs)[0]];
  const [rows, width] = hidden.shape as [number, number];
  const head = { weight, bias, softcap: softcapOf(NAME, attributes) };
  for (let row = 0; row < rows; row++) {
    const label = labels.data[row]!;
    if (label < 0) continue;
    const { logProbabilities, slopes } = rowLogProbabilities(hidden, row, head);
    logp.data[row] = logProbabilities[label]!;
    for (const [c, logProbability] of logProbabilities.entries()) {
      const d = slopes[c]! * ((c === label ? 1 : 0) - Math.exp(logProbability));
      for (let k = 0; k < width; k++) dHidden.data[row * width + k]! += d * weight.data[c * width + k]!;
    }
  }
  return [logp, dHidden];
};

const linearLogProbabilities = defineOp({
  name: NAME,
  arity: 4,
  inferTypes: (inputs) => {
    const hidden = inputAt(NAME, inputs, 0, "float32");
    const weight = inputAt(NAME, inputs, 1, "float32");
    const bias = inputAt(NAME, inputs, 2, "float32");
    const labels = inputAt(NAME, inputs, 3, "int32");
    const [rows, width] = hidden.shape;
    const classes = weight.shape[0];
    const isLegal =
      hidden.shape.length === 2 &&
      weight.shape.join() === `${classes},${width}` &&
      bias.shape.join() === `${classes}` &&
      labels.shape.join() === `${rows}`;
    if (!isLegal) throw shapeMismatch(NAME, "hidden[N, H], weight[V, H], bias[V], labels[N]", inputs);
    return [{ dtype: "float32", shape: [rows!] }, hidden];
  },
  gradient: (ops, { inputs, outputs, outputGradients, attributes, isWanted }) => {
    const g = outputGradients[0]!;
    const [, isWeightWanted, isBiasWanted] = isWanted;
    const column = ops.reshape(g, [g.shape[0]!, 1]);
    const dHidden = isWanted[0] ? ops.mul(outputs[1]!, column) : undefined;
    if (!isWeightWanted && !isBiasWanted) return [dHidden, undefined, undefined, undefined];
    const again = ops.applyOp("linear_cross_entropy", [...inputs, ops.neg(g)], attributes);
    const dWeight = isWeightWanted ? again.outputs[2] : undefined;
    return [dHidden, dWeight, isBiasWanted ? again.outputs[3] : undefined, undefined];
  },
  lower,
  evaluate,
  productFlops: ({ inputTypes, isRead }) => {
    const [rows, width] = staticShape(inputTypes[0]!.shape) as [number, number];
    return 2 * rows * Number(inputTypes[1]!.shape[0]) * width * (1 + Number(isRead[1]));
  },
  traits: { isElementwise: false, isRecomputed: false },
});

export const LINEAR_LOG_PROBABILITIES_OPS: readonly OpDefinition[] = [linearLogProbabilities];
