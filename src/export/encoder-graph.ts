/**
 * BERT encoders as exported graphs. Names and integer types of inputs and outputs are those of Hugging Face Optimum's
 * exports; positions count all places of a row, as in transformers.
 *
 * B batch, T tokens, H hidden size, V vocabulary size.
 */
import type { Graph, Value } from "../graph/ir.ts";
import { type BertConfig, bertEncoder, bertMlmLogits } from "../models/index.ts";
import type { ParameterValues } from "../nn/index.ts";
import { paddingBias, placesOf, tokenInput } from "./token-inputs.ts";

/** Inputs `input_ids`, `attention_mask` and `token_type_ids`, all [B, T]; final hidden states f32 [B, T, H]. */
function encode(config: BertConfig, prefix: string, graph: Graph, parameters: ParameterValues): Value {
  const inputIds = tokenInput(graph, "input_ids");
  const attentionBias = paddingBias(tokenInput(graph, "attention_mask"));
  const tokenTypeIds = tokenInput(graph, "token_type_ids");
  const inputs = { inputIds, positionIds: placesOf(inputIds), tokenTypeIds, attentionBias };
  return bertEncoder(config, parameters, inputs, { prefix });
}

/** Output `last_hidden_state` f32 [B, T, H]. */
export function bertFeaturesGraph(
  config: BertConfig,
  prefix: string,
  graph: Graph,
  parameters: ParameterValues,
): Readonly<Record<string, Value>> {
  return { last_hidden_state: encode(config, prefix, graph, parameters) };
}

/** Output `logits` f32 [B, T, V] of the masked-language-model head. */
export function bertFillMaskGraph(
  config: BertConfig,
  prefix: string,
  graph: Graph,
  parameters: ParameterValues,
): Readonly<Record<string, Value>> {
  return { logits: bertMlmLogits(config, parameters, encode(config, prefix, graph, parameters)) };
}
