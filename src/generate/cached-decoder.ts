/**
 * A decoder that remembers: keys and values of earlier tokens are kept, so a step computes the new tokens only.
 *
 * The cache of a layer is f32 [B, K, S, D] with a slot for every position of the sequence. A run gets T new tokens, whose keys and
 * values it places into their slots (a product with a one-hot matrix, exact in floating point) and gives back for the
 * host to store. Slots ahead of a query are masked by the bias, so what they hold does not matter.
 *
 * B rows, T new tokens, S slots, K key/value heads, D head width, V vocabulary.
 */
import * as ops from "../graph/functions.ts";
import { Graph, type Value } from "../graph/ir.ts";
import type { Attend, CausalModel } from "../models/causal-model.ts";
import { attention, MASKED_BIAS, softCap } from "../nn/attention.ts";
import { linear } from "../nn/layers.ts";
import { slidingWindowBias } from "../nn/masks.ts";
import { declareParameters, type Parameters } from "../nn/parameters.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import { assert, TuttiError } from "../support/errors.ts";
import { type Float32Tensor, float32, type HostTensor, int32 } from "../tensor/host-tensor.ts";
import { scaleDimension } from "../tensor/shape.ts";

const keyName = (layer: number): string => `key.${layer}`;
const valueName = (layer: number): string => `value.${layer}`;

/** New tokens of one row, at the positions that follow those it has. */
export interface RowTokens {
  readonly row: number;
  readonly tokens: ArrayLike<number>;
}

export class CachedDecoder {
  readonly model: CausalModel;
  private readonly parameters: Parameters;
  private readonly backend: Backend;
  private readonly executables = new Map<number, Promise<Executable>>();

  constructor(model: CausalModel, parameters: Parameters, backend: Backend) {
    this.model = model;
    this.parameters = parameters;
    this.backend = backend;
  }

  /** An empty cache of `rows` sequences with room for `slots` tokens each. @throws {TuttiError} INVALID_ARGUMENT */
  open(rows: number, slots: number): DecoderCache {
    const { maxPositions } = this.model.config;
    if (slots > maxPositions) {
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `prompt and new tokens need ${slots} positions, the model has ${maxPositions}`,
        { hint: "shorten the prompt or generate fewer tokens", details: { slots, maxPositions } },
      );
    }
    return new DecoderCache(this.model, rows, slots);
  }

  /**
   * Runs new tokens of some rows of the cache and remembers them.
   *
   * @returns for each entry, the logits [V] after its last token; with `everyToken`, [T, V] after each of them
   */
  async run(cache: DecoderCache, entries: readonly RowTokens[], everyToken = false): Promise<Float32Array[]> {
    const executable = await this.compiled(entries.length);
    const tokens = Math.max(...entries.map((entry) => entry.tokens.length));
    const wanted = entries.flatMap(({ tokens: given }, index) => {
      assert(given.length > 0, "a row is run with at least one token");
      const first = everyToken ? 0 : given.length - 1;
      return Array.from({ length: given.length - first }, (_, offset) => index * tokens + first + offset);
    });
    const results = await executable.run({
      ...this.parameters,
      ...cache.feeds(entries, tokens),
      wanted: int32([wanted.length], wanted),
    });
    cache.store(entries, tokens, results);
    const logits = results.logits!.data as Float32Array;
    const width = this.model.config.vocabularySize;
    let start = 0;
    return entries.map(({ tokens: given }) => {
      const rows = everyToken ? given.length : 1;
      const part = logits.subarray(start * width, (start + rows) * width);
      start += rows;
      return part;
    });
  }

  async dispose(): Promise<void> {
    for (const executable of this.executables.values()) await (await executable).dispose();
    this.executables.clear();
  }

  /** One graph for each number of rows; tokens and slots are symbolic. */
  private compiled(rows: number): Promise<Executable> {
    let executable = this.executables.get(rows);
    if (!executable) {
      executable = this.compile(rows);
      this.executables.set(rows, executable);
    }
    return executable;
  }

  private compile(rows: number): Promise<Executable> {
    const { model } = this;
    const { numKeyValueHeads, headWidth, hiddenSize, finalSoftcap } = model.config;
    const graph = new Graph();
    const parameters = declareParameters(graph, model.specs);
    const positionIds = graph.input("position_ids", "int32", [rows, "tokens"]);
    const keyPositions = graph.input("key_positions", "int32", [rows, "slots"]);
    const bias = graph.input("bias", "float32", [rows, 1, "tokens", "slots"]);
    const placement = graph.input("placement", "float32", [rows, numKeyValueHeads, "slots", "tokens"]);
    const outputs: Record<string, Value> = {};
    const attend: Attend = ({ index, window, scale, softcap }, q, k, v) => {
      const shape = [rows, numKeyValueHeads, "slots", headWidth];
      const remembered = (name: string, fresh: Value): Value => {
        outputs[`new.${name}`] = fresh;
        return ops.add(graph.input(name, "float32", shape), ops.matmul(placement, fresh));
      };
      const local = window === undefined ? bias : slidingWindowBias(bias, positionIds, keyPositions, window);
      const keys = remembered(keyName(index), k);
      const values = remembered(valueName(index), v);
      return attention(q, keys, values, local, 0, { scale, softcap });
    };
    const inputIds = graph.input("input_ids", "int32", [rows, "tokens"]);
    const hidden = model.decoder(parameters, { inputIds, positionIds, attend });
    const flat = ops.reshape(hidden, [scaleDimension("tokens", rows), hiddenSize]);
    const wanted = ops.gatherRows(flat, graph.input("wanted", "int32", ["wanted"]));
    outputs.logits = softCap(linear(wanted, model.head(parameters)), finalSoftcap);
    return this.backend.compile(graph, outputs);
  }
}

/** Keys and values of some sequences, one layer after another. */
export class DecoderCache {
  readonly rows: number;
  readonly slots: number;
  /** Tokens remembered, by row. */
  readonly lengths: number[];
  private readonly model: CausalModel;
  private readonly tensors: Readonly<Record<string, Float32Tensor>>;

  constructor(model: CausalModel, rows: number, slots: number) {
    this.model = model;
    this.rows = rows;
    this.slots = slots;
    this.lengths = Array.from({ length: rows }, () => 0);
    const { numLayers, numKeyValueHeads, headWidth } = model.config;
    const shape = [rows, numKeyValueHeads, slots, headWidth];
    const layers = Array.from({ length: numLayers }, (_, layer) => layer);
    this.tensors = Object.fromEntries(
      layers.flatMap((layer) => [
        [keyName(layer), float32(shape)],
        [valueName(layer), float32(shape)],
      ]),
    );
  }

  /** Lets other rows go on from what row 0 remembers: one prompt, several samples. */
  copyFirstRowToAll(): void {
    for (const { data } of Object.values(this.tensors)) {
      const size = data.length / this.rows;
      for (let row = 1; row < this.rows; row++) data.copyWithin(row * size, 0, size);
    }
    this.lengths.fill(this.lengths[0]!);
  }

  /** Inputs of a run of the given rows, each padded to `tokens`. */
  feeds(entries: readonly RowTokens[], tokens: number): Record<string, HostTensor> {
    const { slots } = this;
    const { numKeyValueHeads: heads } = this.model.config;
    const rows = entries.length;
    const inputIds = new Int32Array(rows * tokens);
    const positionIds = new Int32Array(rows * tokens);
    const bias = new Float32Array(rows * tokens * slots).fill(MASKED_BIAS);
    const placement = new Float32Array(rows * heads * slots * tokens);
    for (const [index, { row, tokens: given }] of entries.entries()) {
      const past = this.lengths[row]!;
      assert(past + given.length <= slots, "a cache has a slot for every token");
      for (let token = 0; token < given.length; token++) {
        const position = past + token;
        inputIds[index * tokens + token] = given[token]!;
        positionIds[index * tokens + token] = position;
        const start = (index * tokens + token) * slots;
        bias.fill(0, start, start + position + 1);
        for (let head = 0; head < heads; head++) {
          placement[((index * heads + head) * slots + position) * tokens + token] = 1;
        }
      }
    }
    const keyPositions = Int32Array.from({ length: rows * slots }, (_, flat) => flat % slots);
    return {
      input_ids: int32([rows, tokens], inputIds),
      position_ids: int32([rows, tokens], positionIds),
      key_positions: int32([rows, slots], keyPositions),
      bias: float32([rows, 1, tokens, slots], bias),
      placement: float32([rows, heads, slots, tokens], placement),
      ...this.rowsOf(entries),
    };
  }

  /** Puts the new keys and values of a run into their slots. */
  store(entries: readonly RowTokens[], tokens: number, results: Readonly<Record<string, HostTensor>>): void {
    const { numKeyValueHeads: heads, headWidth: width } = this.model.config;
    for (const [name, { data }] of Object.entries(this.tensors)) {
      const fresh = results[`new.${name}`]!.data as Float32Array;
      for (const [index, { row, tokens: given }] of entries.entries()) {
        for (let head = 0; head < heads; head++) {
          const from = (index * heads + head) * tokens * width;
          const to = ((row * heads + head) * this.slots + this.lengths[row]!) * width;
          data.set(fresh.subarray(from, from + given.length * width), to);
        }
      }
    }
    for (const { row, tokens: given } of entries) this.lengths[row]! += given.length;
  }

  /** The cache itself when all rows run in order, else a copy of those that do. */
  private rowsOf(entries: readonly RowTokens[]): Record<string, HostTensor> {
    const isWhole = entries.length === this.rows && entries.every(({ row }, index) => row === index);
    if (isWhole) return { ...this.tensors };
    return Object.fromEntries(
      Object.entries(this.tensors).map(([name, { shape, data }]) => {
        const size = data.length / this.rows;
        const part = new Float32Array(entries.length * size);
        for (const [index, { row }] of entries.entries()) {
          part.set(data.subarray(row * size, (row + 1) * size), index * size);
        }
        return [name, float32([entries.length, ...(shape.slice(1) as number[])], part)];
      }),
    );
  }
}
