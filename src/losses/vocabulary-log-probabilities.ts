/** Log-probabilities of given tokens over a vocabulary, in chunks: no full logits tensor ever exists. */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import {
  projectionOperands,
  rowsPerChunk,
  type VocabularyCrossEntropyInputs,
} from "./vocabulary-cross-entropy.ts";

export type VocabularyLogProbabilityInputs = Omit<VocabularyCrossEntropyInputs, "scale">;

/** log softmax(cap(hidden[p] weight^T + bias))[label[p]] for every p -> f32 [P], in nats; 0 where the label is negative. */
export function vocabularyLogProbabilities(inputs: VocabularyLogProbabilityInputs): Value {
  const operands = projectionOperands(inputs);
  return ops.linearLogProbabilities(
    operands,
    rowsPerChunk(Number(operands.weight.shape[0])),
    inputs.logitSoftcap,
  );
}
