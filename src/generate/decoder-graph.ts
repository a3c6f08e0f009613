/**
 * A decoder over a key/value cache as one graph with symbolic sizes: the same graph reads a prompt (one sequence, many
 * tokens) and makes tokens (many sequences, one token each). The cache is read where it lies; the keys and values of
 * the new tokens are an output, for the caller to put behind the older ones.
 *
 * B sequences, T new tokens of each, S places in the cache, N query heads, K key/value heads, D head width.
 */
import * as ops from "../graph/functions.ts";
import { Graph, type Value } from "../graph/ir.ts";
import { type Attend, type CausalModel, causalLogits } from "../models/index.ts";
import type { ParameterValues } from "../nn/index.ts";

export const keyCacheName = (layer: number): string => `keys.${layer}`;
export const valueCacheName = (layer: number): string => `values.${layer}`;
/** Names of all caches in the order of {@link KeyValueCache}. */
export const cacheNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, layer) => [keyCacheName(layer), valueCacheName(layer)]).flat();
/** The bias of layers that look back over `window` positions, or over all. */
export const biasName = (window: number | undefined): string => `bias.${window ?? "all"}`;

export interface DecoderGraph {
  readonly graph: Graph;
  /** `logits` f32 [R, V] and `cached` f32 [B, 2 layers K, T, D]: keys of layer 0, its values, keys of layer 1, ... */
  readonly outputs: Readonly<Record<string, Value>>;
}

/**
 * Inputs: ids and positions i32 [B, T]; rows i32 [R], flat indices into [B, T] whose logits are wanted; for each kind of
 * layer a bias f32 [B, 1, T, S + T]; for each layer keys and values f32 [B, K, S, D]; what `weights` declares.
 *
 * @param contextLength no position is as large; dynamic rotary scaling takes it for the length of the sequence
 */
export function buildDecoderGraph(
  model: CausalModel,
  weights: (graph: Graph) => ParameterValues,
  contextLength: number,
): DecoderGraph {
  const { numLayers, numKeyValueHeads, headWidth } = model.config;
  const graph = new Graph();
  const parameters = weights(graph);
  const inputIds = graph.input("ids", "int32", ["batch", "tokens"]);
  const positionIds = graph.input("positions", "int32", ["batch", "tokens"]);
  const biases = new Map(
    [...new Set(model.config.layerWindows)].map((window) => [
      window,
      graph.input(biasName(window), "float32", ["batch", 1, "tokens", "seen"]),
    ]),
  );
  const cache = (name: string): Value =>
    graph.input(name, "float32", ["batch", numKeyValueHeads, "older", headWidth]);
  const older = Array.from({ length: numLayers }, (_, layer) => ({
    keys: cache(keyCacheName(layer)),
    values: cache(valueCacheName(layer)),
  }));
  const made: Value[] = [];
  const attend: Attend = ({ index, window, scale, softcap }, q, k, v) => {
    made.push(k, v);
    return ops.cachedAttention(q, { k, v }, older[index]!, biases.get(window)!, { scale, softcap });
  };
  const hidden = model.decoder(parameters, { inputIds, positionIds, positions: contextLength, attend });
  const wanted = ops.gatherTokens(hidden, graph.input("rows", "int32", ["rows"]));
  // One output instead of many: what fetching costs is their number.
  const outputs = { logits: causalLogits(model, parameters, wanted), cached: ops.concat(made, 1) };
  return { graph, outputs };
}
