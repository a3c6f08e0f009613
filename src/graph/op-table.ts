/** All operators. Adding one is adding a row to a family file; every other place reads this table. */

import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import type { OpDefinition } from "./op.ts";
import { BINARY_OPS } from "./ops/binary.ts";
import { CACHED_ATTENTION_OPS } from "./ops/cached-attention.ts";
import { COLUMN_OPS } from "./ops/columns.ts";
import { INDEXING_OPS } from "./ops/indexing.ts";
import { LINEAR_CROSS_ENTROPY_OPS } from "./ops/linear-cross-entropy.ts";
import { LINEAR_LOG_PROBABILITIES_OPS } from "./ops/linear-log-probabilities.ts";
import { MATMUL_OPS } from "./ops/matmul.ts";
import { MOVEMENT_OPS } from "./ops/movement.ts";
import { MULTI_HEAD_ATTENTION_OPS } from "./ops/multi-head-attention.ts";
import { NORMALISATION_OPS } from "./ops/normalisation.ts";
import { QUANTIZED_MATMUL_OPS } from "./ops/quantized-matmul.ts";
import { REDUCTION_OPS } from "./ops/reduction.ts";
import { ROTARY_OPS } from "./ops/rotary.ts";
import { SOFTMAX_OPS } from "./ops/softmax.ts";
import { SPLIT_OPS } from "./ops/split.ts";
import { UNARY_OPS } from "./ops/unary.ts";

export const OP_TABLE: ReadonlyMap<string, OpDefinition> = new Map(
  [
    UNARY_OPS,
    BINARY_OPS,
    MOVEMENT_OPS,
    SPLIT_OPS,
    REDUCTION_OPS,
    MATMUL_OPS,
    SOFTMAX_OPS,
    NORMALISATION_OPS,
    INDEXING_OPS,
    ROTARY_OPS,
    LINEAR_CROSS_ENTROPY_OPS,
    LINEAR_LOG_PROBABILITIES_OPS,
    CACHED_ATTENTION_OPS,
    MULTI_HEAD_ATTENTION_OPS,
    QUANTIZED_MATMUL_OPS,
    COLUMN_OPS,
  ]
    .flat()
    .map((row) => [row.name, row]),
);

/** The row of an operator. @throws {TuttiError} UNSUPPORTED_OP */
export function opDefinition(name: string): OpDefinition {
  const row = OP_TABLE.get(name);
  if (!row) {
    throw new TuttiError("UNSUPPORTED_OP", `no operator "${name}" in the op table`, {
      details: { op: name },
      hint: didYouMean(name, [...OP_TABLE.keys()]),
    });
  }
  return row;
}
