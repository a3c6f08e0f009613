/** Cross-entropy over a vocabulary at labelled positions only, in chunks: no full logits tensor ever exists. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { sizeOf, staticShape } from "../tensor/shape.ts";

/** Logits of one chunk take at most this much memory: large enough for full matrix-product speed. */
const CHUNK_BYTES = 75 * 2 ** 20;

/** Rows per chunk for a vocabulary size: a multiple of 16, at least 16. */
export function rowsPerChunk(vocabularySize: number): number {
  return Math.max(16, Math.floor(CHUNK_BYTES / (4 * vocabularySize * 16)) * 16);
}

export interface VocabularyCrossEntropyInputs {
  /** f32 [..., H] hidden states of all positions, or only of the labelled ones when `positions` is absent */
  readonly hidden: Value;
  /** i32 [P] flat positions into the leading axes of hidden */
  readonly positions?: Value;
  /** i32 [P] class at each position; negative = ignored (padding of P) */
  readonly labels: Value;
  /** f32 [V, H] */
  readonly weight: Value;
  /** f32 [V]; zeros when absent */
  readonly bias?: Value;
  /** f32 [] factor on the sum: 1 / number of labels gives the mean */
  readonly scale: Value;
  /** Cap on the logits: cap tanh(logits / cap); none when absent */
  readonly logitSoftcap?: number | undefined;
}

/** Hidden states of the labelled positions [P, H], the weight [V, H] and the bias [V], zeros where there is none. */
export function projectionOperands(inputs: Omit<VocabularyCrossEntropyInputs, "scale">): {
  readonly hidden: Value;
  readonly weight: Value;
  readonly bias: Value;
  readonly labels: Value;
} {
  const { weight, labels } = inputs;
  const [classes, width] = staticShape(weight.shape) as [number, number];
  const flat = ops.reshape(inputs.hidden, [sizeOf(inputs.hidden.shape) / width, width]);
  const hidden = inputs.positions ? ops.gatherRows(flat, inputs.positions) : flat;
  const bias = inputs.bias ?? flat.graph.constant("float32", [classes], new Float32Array(classes));
  return { hidden, weight, bias, labels };
}

/** scale * sum over labelled p of -log softmax(cap(hidden[p] weight^T + bias))[label[p]], in nats. */
export function vocabularyCrossEntropy(inputs: VocabularyCrossEntropyInputs): Value {
  const operands = projectionOperands(inputs);
  return ops.linearCrossEntropy(
    { ...operands, scale: inputs.scale },
    rowsPerChunk(Number(operands.weight.shape[0])),
    inputs.logitSoftcap,
  );
}
