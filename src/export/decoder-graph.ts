/**
 * Decoders as exported graphs. Names, integer types and meanings of inputs and outputs are those of Hugging Face
 * Optimum's exports; positions follow from the mask, as `generate` of transformers computes them.
 *
 * B batch, T new tokens, P older tokens, S = P + T, K key/value heads, D head width, H hidden size, L labels.
 */
import * as ops from "../graph/functions.ts";
import type { Graph, Value } from "../graph/ir.ts";
import type { HuggingFaceConfig } from "../models/config.ts";
import { type Attend, type CausalModel, causalLogits, createSequenceClassifier } from "../models/index.ts";
import { attention, type ParameterValues, slidingWindowBias } from "../nn/index.ts";
import { addDimensions } from "../tensor/shape.ts";
import {
  BATCH,
  causalPlaceBias,
  OLDER,
  paddingBias,
  placesOf,
  positionsOf,
  TOKENS,
  tokenInput,
} from "./token-inputs.ts";

export interface DecoderGraphOptions {
  /** Positions that the file has rotary tables for. */
  readonly contextTokens: number;
  /** Whether keys and values of older tokens come in and those of all tokens go out. */
  readonly hasPast: boolean;
}

type Outputs = Readonly<Record<string, Value>>;

interface DecoderPass {
  readonly inputIds: Value;
  /** f32 [B, T, H] */
  readonly hidden: Value;
  /** With a past: `present.N.key` and `present.N.value`, f32 [B, K, S, D] */
  readonly presents: Outputs;
}

/** Inputs `input_ids` [B, T], `attention_mask` [B, S] and, with a past, `past_key_values.N.key` and `.value` [B, K, P, D]. */
function decode(
  model: CausalModel,
  graph: Graph,
  parameters: ParameterValues,
  { contextTokens, hasPast }: DecoderGraphOptions,
): DecoderPass {
  const { numLayers, numKeyValueHeads, headWidth } = model.config;
  const inputIds = tokenInput(graph, "input_ids");
  const mask = tokenInput(graph, "attention_mask", hasPast ? addDimensions(OLDER, TOKENS) : TOKENS);
  const past = (layer: number, kind: string): Value =>
    graph.input(`past_key_values.${layer}.${kind}`, "float32", [BATCH, numKeyValueHeads, OLDER, headWidth]);
  const older = Array.from({ length: hasPast ? numLayers : 0 }, (_, layer) => ({
    key: past(layer, "key"),
    value: past(layer, "value"),
  }));
  const ofQueries = (x: Value): Value => (hasPast ? ops.lastColumns(x, inputIds) : x);
  const [keyPlaces, keyPositions] = [placesOf(mask), positionsOf(mask)];
  const positionIds = ofQueries(keyPositions);
  const bias = ops.add(causalPlaceBias(ofQueries(keyPlaces), keyPlaces), paddingBias(mask));
  const biases = new Map<number | undefined, Value>([[undefined, bias]]);
  const presents: Record<string, Value> = {};
  const attend: Attend = ({ index, window, scale, softcap }, q, k, v) => {
    const seen = biases.get(window) ?? slidingWindowBias(bias, positionIds, keyPositions, window!);
    biases.set(window, seen);
    if (!hasPast) return attention(q, k, v, seen, 0, { scale, softcap });
    const key = ops.concat([older[index]!.key, k], 2);
    const value = ops.concat([older[index]!.value, v], 2);
    Object.assign(presents, { [`present.${index}.key`]: key, [`present.${index}.value`]: value });
    return attention(q, key, value, seen, 0, { scale, softcap });
  };
  const hidden = model.decoder(parameters, { inputIds, positionIds, positions: contextTokens, attend });
  return { inputIds, hidden, presents };
}

/** Outputs `logits` f32 [B, T, V] and the presents. */
export function textGenerationGraph(
  model: CausalModel,
  graph: Graph,
  parameters: ParameterValues,
  options: DecoderGraphOptions,
): Outputs {
  const { hidden, presents } = decode(model, graph, parameters, options);
  return { logits: causalLogits(model, parameters, hidden), ...presents };
}

/** Output `last_hidden_state` f32 [B, T, H], after the final norm, and the presents. */
export function decoderFeaturesGraph(
  model: CausalModel,
  graph: Graph,
  parameters: ParameterValues,
  options: DecoderGraphOptions,
): Outputs {
  const { hidden, presents } = decode(model, graph, parameters, options);
  return { last_hidden_state: hidden, ...presents };
}

/**
 * Output `logits` f32 [B, L], read at the rightmost token other than `pad_token_id`, or at the last one where the config
 * names none: see lastTokenWeights in models/sequence-classification.ts.
 */
export function decoderClassificationGraph(
  model: CausalModel,
  config: HuggingFaceConfig,
  graph: Graph,
  parameters: ParameterValues,
  options: DecoderGraphOptions,
): Outputs {
  const { inputIds, hidden } = decode(model, graph, parameters, { ...options, hasPast: false });
  const places = placesOf(inputIds);
  const padding = config.pad_token_id;
  const tokenPlaces =
    typeof padding === "number"
      ? ops.where(ops.equal(inputIds, ops.scalarLike(inputIds, padding)), ops.scalarLike(places, 0), places)
      : places;
  const isLast = ops.toFloat32(ops.equal(places, ops.reduceMax(tokenPlaces, [-1])));
  const weights = ops.reshape(isLast, [BATCH, 1, TOKENS]);
  return { logits: createSequenceClassifier(config).logits(parameters, hidden, weights) };
}
