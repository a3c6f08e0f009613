/**
 * An encoder-decoder over its caches as two graphs with symbolic sizes: one reads a source and makes the keys and values
 * that every decoder layer looks at, once for all tokens and samples; the other is a decoder over a key/value cache.
 *
 * B sequences, S source tokens, T new tokens of each sequence, P places in the cache, N heads, D head width.
 */
import * as ops from "../graph/functions.ts";
import { Graph, type Value } from "../graph/ir.ts";
import { type AttendToTarget, type Seq2SeqModel, seq2SeqLogits } from "../models/index.ts";
import type { ParameterValues } from "../nn/index.ts";
import { biasName, type DecoderGraph, keyCacheName, valueCacheName } from "./decoder-graph.ts";

const memoryName = (name: string): string => `memory.${name}`;
/** Names of the source's keys and values in the order of {@link KeyValueCache}. */
export const memoryNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, layer) => [keyCacheName(layer), valueCacheName(layer)])
    .flat()
    .map(memoryName);

type Weights = (graph: Graph) => ParameterValues;

/**
 * Inputs: ids and positions i32 [1, S]. Output: `memory` f32 [1, 2 layers N, S, D], keys of layer 0, its values, keys of
 * layer 1, ...
 */
export function buildEncoderGraph(model: Seq2SeqModel, weights: Weights): DecoderGraph {
  const graph = new Graph();
  const parameters = weights(graph);
  const hidden = model.encode(parameters, {
    inputIds: graph.input("ids", "int32", [1, "source"]),
    positionIds: graph.input("positions", "int32", [1, "source"]),
    attentionBias: graph.scalar(0),
  });
  const memory = model.memory(parameters, hidden).flatMap(({ keys, values }) => [keys, values]);
  return { graph, outputs: { memory: ops.concat(memory, 1) } };
}

/**
 * Inputs: ids and positions i32 [B, T]; seen_positions i32 [B, P + T], of cache and new tokens; rows i32 [R], flat indices
 * into [B, T] whose logits are wanted; bias f32 [B, 1, T, P + T]; memory_bias f32 [B, 1, 1, S]; for each layer keys and
 * values f32 [B, N, P, D] of the target and [B, N, S, D] of the source. Outputs as of {@link buildDecoderGraph}.
 */
export function buildSeq2SeqDecoderGraph(model: Seq2SeqModel, weights: Weights): DecoderGraph {
  const { numDecoderLayers, numHeads, headWidth } = model.config;
  const graph = new Graph();
  const parameters = weights(graph);
  const layers = Array.from({ length: numDecoderLayers }, (_, layer) => layer);
  const cache = (name: string, places: string): Value =>
    graph.input(name, "float32", ["batch", numHeads, places, headWidth]);
  const caches = (named: (name: string) => string, places: string) =>
    layers.map((layer) => ({
      keys: cache(named(keyCacheName(layer)), places),
      values: cache(named(valueCacheName(layer)), places),
    }));
  const older = caches((name) => name, "older");
  const made: Value[] = [];
  const attend: AttendToTarget = ({ index, scale }, q, k, v, bias) => {
    made.push(k, v);
    return ops.cachedAttention(q, { k, v }, older[index]!, bias, { scale });
  };
  const hidden = model.decode(parameters, caches(memoryName, "source"), {
    inputIds: graph.input("ids", "int32", ["batch", "tokens"]),
    positionIds: graph.input("positions", "int32", ["batch", "tokens"]),
    keyPositionIds: graph.input("seen_positions", "int32", ["batch", "seen"]),
    attentionBias: graph.input(biasName(undefined), "float32", ["batch", 1, "tokens", "seen"]),
    memoryBias: graph.input("memory_bias", "float32", ["batch", 1, 1, "source"]),
    attend,
  });
  const wanted = ops.gatherTokens(hidden, graph.input("rows", "int32", ["rows"]));
  const outputs = { logits: seq2SeqLogits(model, parameters, wanted), cached: ops.concat(made, 1) };
  return { graph, outputs };
}
