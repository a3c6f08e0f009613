/**
 * Sequence classification on a decoder, as in transformers: a linear layer on the last token that is not padding.
 *
 * B batch, T tokens, H hidden size, L labels.
 */
import * as ops from "../graph/functions.ts";
import type { Value } from "../graph/ir.ts";
import { linear } from "../nn/layers.ts";
import { matrix, type ParameterSpecs, type ParameterValues } from "../nn/parameters.ts";
import { type Float32Tensor, float32, type HostTensor } from "../tensor/host-tensor.ts";
import { type CausalModel, HEAD } from "./causal-model.ts";
import { type HuggingFaceConfig, readCount, unsupported } from "./config.ts";

const SCORE = "score.weight";

/** Number of labels of a config.json: entries of `id2label`, else `num_labels`, else 2. */
export function readLabelCount(config: HuggingFaceConfig): number {
  const names = config.id2label ?? undefined;
  if (names === undefined) return readCount("classifier", config, "num_labels", 2);
  if (typeof names !== "object" || Object.keys(names).length === 0) {
    throw unsupported("classifier", "id2label", names, "an object of at least one label");
  }
  return Object.keys(names).length;
}

/** Parameters of decoder and `score`; there is no language-model head. */
export function sequenceClassifierSpecs(model: CausalModel, labels: number): ParameterSpecs {
  const { [HEAD]: _head, ...decoder } = model.specs;
  return { ...decoder, [SCORE]: matrix(labels, model.config.hiddenSize, 0.02) };
}

/**
 * Logits f32 [B, L] of final hidden states [B, T, H].
 *
 * @param lastTokenWeights f32 [B, 1, T], see {@link lastTokenWeights}
 */
export function sequenceClassifierLogits(
  parameters: ParameterValues,
  hidden: Value,
  lastTokenWeights: Value,
): Value {
  const [batch, , width] = hidden.shape;
  const last = ops.reshape(ops.matmul(lastTokenWeights, hidden), [batch!, width!]);
  return linear(last, parameters(SCORE));
}

/**
 * f32 [B, 1, T]: 1 at each row's rightmost token other than `padTokenId`, whichever side is padded; at the first of
 * a row of padding only; at the last where there is no padding token.
 *
 * @param inputIds i32 [B, T]
 */
export function lastTokenWeights(inputIds: HostTensor, padTokenId: number | undefined): Float32Tensor {
  const [batch, tokens] = inputIds.shape as [number, number];
  const weights = new Float32Array(batch * tokens);
  for (let row = 0; row < batch; row++) {
    let last = tokens - 1;
    while (padTokenId !== undefined && last > 0 && inputIds.data[row * tokens + last] === padTokenId) last--;
    weights[row * tokens + last] = 1;
  }
  return float32([batch, 1, tokens], weights);
}
