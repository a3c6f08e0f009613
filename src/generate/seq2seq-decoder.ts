/** Runs an encoder-decoder over its caches: sources into slots, then tokens behind them, logits out. */
import type { Seq2SeqModel } from "../models/index.ts";
import { declareWeights, fedWeights, type InferenceWeights } from "../nn/index.ts";
import type { Backend, Executable } from "../runtime/index.ts";
import { assert } from "../support/errors.ts";
import { type Float32Tensor, type HostTensor, int32 } from "../tensor/host-tensor.ts";
import { cachedAttentionBias } from "./attention-bias.ts";
import { biasName } from "./decoder-graph.ts";
import { Seq2SeqCache } from "./seq2seq-cache.ts";
import { buildEncoderGraph, buildSeq2SeqDecoderGraph } from "./seq2seq-graph.ts";
import { PROMPT_PART_TOKENS, type SlotDecoder } from "./slot-decoder.ts";

interface Executables {
  readonly encoder: Executable;
  readonly decoder: Executable;
}

export class Seq2SeqDecoder implements SlotDecoder {
  readonly model: Seq2SeqModel;
  readonly contextLength: number;
  readonly cache: Seq2SeqCache;
  private readonly executables: Executables;
  private readonly weights: Readonly<Record<string, Float32Tensor>>;

  private constructor(
    model: Seq2SeqModel,
    contextLength: number,
    executables: Executables,
    weights: Readonly<Record<string, Float32Tensor>>,
  ) {
    const { numDecoderLayers, numHeads, headWidth } = model.config;
    this.model = model;
    this.contextLength = contextLength;
    this.cache = new Seq2SeqCache(numDecoderLayers, numHeads, headWidth);
    this.executables = executables;
    this.weights = weights;
  }

  /**
   * Compiles both graphs; float32 matrices stay where they are and are read in place.
   *
   * @throws {TuttiError} BACKEND_FAILED
   */
  static async create(
    model: Seq2SeqModel,
    weights: InferenceWeights,
    backend: Backend,
    contextLength: number,
  ): Promise<Seq2SeqDecoder> {
    const [encoder, decoder] = [buildEncoderGraph, buildSeq2SeqDecoderGraph].map((build) =>
      build(model, (empty) => declareWeights(empty, model.specs, weights)),
    );
    const executables = {
      encoder: await backend.compile(encoder!.graph, encoder!.outputs),
      decoder: await backend.compile(decoder!.graph, decoder!.outputs),
    };
    return new Seq2SeqDecoder(model, contextLength, executables, fedWeights(weights));
  }

  async readSource(slot: number, ids: Int32Array, isFirst: boolean): Promise<void> {
    const shape = [1, ids.length];
    const { memory } = await this.executables.encoder.run({
      ...this.weights,
      ids: int32(shape, ids),
      positions: int32(
        shape,
        ids.map((_, index) => index),
      ),
    });
    this.cache.addSource(slot, memory!.data as Float32Array, ids.length, isFirst);
  }

  async extend(
    slot: number,
    start: number,
    ids: Int32Array,
    wanted: ArrayLike<number>,
  ): Promise<Float32Array> {
    assert(ids.length <= PROMPT_PART_TOKENS, "a chunk of a prompt is too long");
    return this.run(slot, ids, Int32Array.of(start), Int32Array.from(wanted));
  }

  async step(ids: Int32Array, starts: Int32Array): Promise<Float32Array> {
    return this.run(
      0,
      ids,
      starts,
      ids.map((_, row) => row),
    );
  }

  async dispose(): Promise<void> {
    this.cache.clear();
    await this.executables.encoder.dispose();
    await this.executables.decoder.dispose();
  }

  /** @param starts tokens that each slot from `firstSlot` on holds */
  private async run(
    firstSlot: number,
    ids: Int32Array,
    starts: Int32Array,
    rows: Int32Array,
  ): Promise<Float32Array> {
    const slots = starts.length;
    const tokens = ids.length / slots;
    const { target } = this.cache;
    target.reserve(firstSlot + slots, Math.max(...starts) + tokens);
    const places = target.placesPerSlot;
    const seen = places + tokens;
    const positions = ids.map((_, index) => starts[Math.floor(index / tokens)]! + (index % tokens));
    // A place of the cache is the position of its token; behind them stand the new tokens.
    const seenPositions = Int32Array.from({ length: slots * seen }, (_, index) => {
      const [slot, place] = [Math.floor(index / seen), index % seen];
      return place < places ? place : starts[slot]! + place - places;
    });
    const feeds: Record<string, HostTensor> = {
      ...this.weights,
      ...this.cache.slice(firstSlot, slots),
      ids: int32([slots, tokens], ids),
      positions: int32([slots, tokens], positions),
      seen_positions: int32([slots, seen], seenPositions),
      rows: int32([rows.length], rows),
      [biasName(undefined)]: cachedAttentionBias(starts, tokens, places, undefined),
    };
    const { logits, cached } = await this.executables.decoder.run(feeds);
    target.append(firstSlot, cached!.data as Float32Array, tokens, starts);
    return logits!.data as Float32Array;
  }
}
