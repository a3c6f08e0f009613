/**
 * What the ops over a whole vocabulary have in common: they project and look at a chunk of rows at a time, so that no more
 * than [rows, V] logits ever live.
 */
import type { Attributes } from "../ir.ts";
import type { OnnxEmitter, ReferenceTensor } from "../op.ts";
import { numberAttribute } from "./check.ts";

export interface Chunk {
  readonly hidden: string;
  readonly labels: string;
  readonly rows: number;
}

/** Rows start..end of a tensor. */
export function sliceRows(emitter: OnnxEmitter, x: string, start: number, end: number): string {
  return emitter.node("Slice", [x, emitter.int64([start]), emitter.int64([end]), emitter.int64([0])])[0]!;
}

/**
 * 0, but known only after `values` [rows, columns] are: added to the next chunk's hidden states it makes the
 * runtime finish one chunk before it starts another, which is what keeps a single chunk's logits alive.
 */
export function zeroAfter(emitter: OnnxEmitter, values: readonly string[]): string {
  const zero = emitter.int64([0, 0]);
  const one = emitter.int64([1, 1]);
  const corners = values.map((value) => emitter.node("Slice", [value, zero, one, emitter.int64([0, 1])])[0]!);
  const [sum] = emitter.node("Sum", corners);
  const [isNan] = emitter.node("IsNaN", [sum!]);
  const [isAny] = emitter.node("Where", [isNan!, emitter.float(0), emitter.float(0)]);
  return emitter.node("Reshape", [isAny!, emitter.int64([])])[0]!;
}

/** The cap of the attribute logitSoftcap. */
export function softcapOf(op: string, attributes: Attributes): number | undefined {
  return attributes.logitSoftcap === undefined ? undefined : numberAttribute(op, attributes, "logitSoftcap");
}

/** Projection with its head: W [V, H], b [V], and a cap on the logits where the model has one. */
export interface VocabularyHead {
  readonly weight: string;
  readonly bias: string;
  readonly softcap: number | undefined;
}

/** Emits the log-probabilities of one chunk and, at each row's label, their columns [rows, 1]. */
export function chunkTerms(emitter: OnnxEmitter, { weight, bias, softcap }: VocabularyHead, chunk: Chunk) {
  const [logits] = emitter.node("Gemm", [chunk.hidden, weight, bias], { attributes: { transB: { int: 1 } } });
  const tanh =
    softcap && emitter.node("Tanh", [emitter.node("Mul", [logits!, emitter.float(1 / softcap)])[0]!])[0];
  const capped = softcap && tanh ? emitter.node("Mul", [tanh, emitter.float(softcap)])[0] : logits;
  const [logProbabilities] = emitter.node("LogSoftmax", [capped!], { attributes: { axis: { int: -1 } } });
  const [isLabelled] = emitter.node("GreaterOrEqual", [chunk.labels, emitter.int32Scalar(0)]);
  const [kept] = emitter.node("Cast", [isLabelled!], { attributes: { to: { int: 1 } } });
  const [safeLabels] = emitter.node("Where", [isLabelled!, chunk.labels, emitter.int32Scalar(0)]);
  const [labelColumn] = emitter.node("Unsqueeze", [safeLabels!, emitter.int64([1])]);
  const [picked] = emitter.node("GatherElements", [logProbabilities!, labelColumn!], {
    attributes: { axis: { int: 1 } },
  });
  return {
    /** tanh(logits / cap), where there is a cap */
    tanh,
    logProbabilities: logProbabilities!,
    labelColumn: labelColumn!,
    /** [rows], 1 where there is a label */
    kept: kept!,
    /** log p(label) [rows, 1] */
    picked: picked!,
  };
}

export type ChunkTerms = ReturnType<typeof chunkTerms>;

/** (softmax - one hot)(1 - tanh^2): the gradient of one row's loss by its logits, before the row's weight. */
export function logitGradient(emitter: OnnxEmitter, terms: ChunkTerms, rows: number): string {
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

/** One row's log-probabilities [V] in float64, and by how much its capped logits grow with the plain ones. */
export function rowLogProbabilities(
  hidden: ReferenceTensor,
  row: number,
  head: {
    readonly weight: ReferenceTensor;
    readonly bias: ReferenceTensor;
    readonly softcap: number | undefined;
  },
): { readonly logProbabilities: Float64Array; readonly slopes: Float64Array } {
  const [classes, width] = head.weight.shape as [number, number];
  const { softcap } = head;
  const logits = head.bias.data.slice();
  const slopes = new Float64Array(classes).fill(1);
  for (let c = 0; c < classes; c++) {
    for (let k = 0; k < width; k++)
      logits[c]! += hidden.data[row * width + k]! * head.weight.data[c * width + k]!;
    if (softcap === undefined) continue;
    logits[c] = softcap * Math.tanh(logits[c]! / softcap);
    slopes[c] = 1 - (logits[c]! / softcap) ** 2;
  }
  const most = Math.max(...logits);
  const logSum = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
  return { logProbabilities: logits.map((logit) => logit - logSum), slopes };
}
