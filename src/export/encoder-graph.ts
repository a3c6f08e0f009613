/**
 * Encoders as exported graphs. Names and integer types of inputs and outputs are those of Hugging Face Optimum's
 * exports; positions count all places of a row, as in transformers.
 *
 * B batch, T tokens, H hidden size, L labels, V vocabulary size.
 */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import { type EncoderModel, maskedLogits } from "../models/index.ts";
import type { ParameterValues } from "../nn/index.ts";
import { BATCH, paddingBias, placesOf, TOKENS, tokenInput } from "./token-inputs.ts";

export interface EncoderGraphOptions {
  /** Positions that the file has tables for. */
  readonly contextTokens: number;
}

type Outputs = Readonly<Record<string, Value>>;

interface EncoderPass {
  /** f32 [B, T, H] */
  readonly hidden: Value;
  /** i32 [B, T] */
  readonly mask: Value;
}

/** Inputs `input_ids`, `attention_mask` and, where the family has token types, `token_type_ids`, all [B, T]. */
function encode(
  model: EncoderModel,
  graph: Graph,
  parameters: ParameterValues,
  { contextTokens }: EncoderGraphOptions,
): EncoderPass {
  const inputIds = tokenInput(graph, "input_ids");
  const mask = tokenInput(graph, "attention_mask");
  const tokenTypeIds = model.config.tokenTypes > 0 ? tokenInput(graph, "token_type_ids") : undefined;
  const hidden = model.encode(parameters, {
    inputIds,
    positionIds: placesOf(inputIds),
    tokenTypeIds,
    attentionBias: paddingBias(mask),
    positions: contextTokens,
  });
  return { hidden, mask };
}

/** Output `last_hidden_state` f32 [B, T, H]. */
export function encoderFeaturesGraph(
  model: EncoderModel,
  graph: Graph,
  parameters: ParameterValues,
  options: EncoderGraphOptions,
): Outputs {
  return { last_hidden_state: encode(model, graph, parameters, options).hidden };
}

/** Output `logits` f32 [B, T, V] of the masked-language-model head. */
export function fillMaskGraph(
  model: EncoderModel,
  graph: Graph,
  parameters: ParameterValues,
  options: EncoderGraphOptions,
): Outputs {
  return { logits: maskedLogits(model, parameters, encode(model, graph, parameters, options).hidden) };
}

/** Output `logits` f32 [B, L], read at the first place or over all tokens, as the head pools. */
export function encoderClassificationGraph(
  model: EncoderModel,
  graph: Graph,
  parameters: ParameterValues,
  options: EncoderGraphOptions,
): Outputs {
  const { hidden, mask } = encode(model, graph, parameters, options);
  const { hiddenSize } = model.config;
  const head = model.classificationHead;
  const pooled = head.pooling === "mean" ? meanOverTokens(hidden, mask) : ops.slice(hidden, 1, 0, 1);
  return { logits: head.logits(parameters, ops.reshape(pooled, [BATCH, hiddenSize])) };
}

/** hidden [B, T, H] and mask i32 [B, T] -> [B, 1, H]. */
function meanOverTokens(hidden: Value, mask: Value): Value {
  const isToken = ops.toFloat32(mask);
  const weights = ops.div(isToken, ops.reduceSum(isToken, [-1]));
  return ops.matmul(ops.reshape(weights, [BATCH, 1, TOKENS]), hidden);
}
