/** Runs a decoder over its cache: prompts into slots, one more token for each of the first slots, logits out. */
import type { CausalModel } from "../models/index.ts";
import { declareWeights, fedWeights, type InferenceWeights } from "../nn/index.ts";
import type { Backend, Executable } from "../runtime/index.ts";
import { assert } from "../support/errors.ts";
import { type Float32Tensor, type HostTensor, int32 } from "../tensor/host-tensor.ts";
import { cachedAttentionBias } from "./attention-bias.ts";
import { biasName, buildDecoderGraph, cacheNames } from "./decoder-graph.ts";
import { KeyValueCache } from "./key-value-cache.ts";
import { PROMPT_PART_TOKENS, type SlotDecoder } from "./slot-decoder.ts";

interface Run {
  readonly firstSlot: number;
  readonly ids: Int32Array;
  /** Tokens that each of the slots holds already. */
  readonly starts: Int32Array;
  /** Flat indices into the ids whose logits are wanted. */
  readonly rows: Int32Array;
}

export class CachedDecoder implements SlotDecoder {
  readonly model: CausalModel;
  readonly contextLength: number;
  readonly cache: KeyValueCache;
  private readonly executable: Executable;
  private readonly weights: Readonly<Record<string, Float32Tensor>>;
  private readonly windows: readonly (number | undefined)[];

  private constructor(
    model: CausalModel,
    contextLength: number,
    executable: Executable,
    weights: Readonly<Record<string, Float32Tensor>>,
  ) {
    this.model = model;
    this.contextLength = contextLength;
    const { numLayers, numKeyValueHeads, headWidth } = model.config;
    this.cache = new KeyValueCache(cacheNames(numLayers), numKeyValueHeads, headWidth);
    this.executable = executable;
    this.weights = weights;
    this.windows = [...new Set(model.config.layerWindows)];
  }

  /**
   * Compiles the graph; float32 matrices stay where they are and are read in place.
   *
   * @throws {TuttiError} BACKEND_FAILED
   */
  static async create(
    model: CausalModel,
    weights: InferenceWeights,
    backend: Backend,
    contextLength: number,
  ): Promise<CachedDecoder> {
    const { graph, outputs } = buildDecoderGraph(
      model,
      (empty) => declareWeights(empty, model.specs, weights),
      contextLength,
    );
    const executable = await backend.compile(graph, outputs);
    return new CachedDecoder(model, contextLength, executable, fedWeights(weights));
  }

  async readSource(): Promise<void> {
    assert(false, "a decoder alone reads no sources");
  }

  async extend(
    slot: number,
    start: number,
    ids: Int32Array,
    wanted: ArrayLike<number>,
  ): Promise<Float32Array> {
    assert(ids.length <= PROMPT_PART_TOKENS, "a chunk of a prompt is too long");
    const starts = Int32Array.of(start);
    return this.run({ firstSlot: slot, ids, starts, rows: Int32Array.from(wanted) });
  }

  async step(ids: Int32Array, starts: Int32Array): Promise<Float32Array> {
    return this.run({ firstSlot: 0, ids, starts, rows: Int32Array.from(ids, (_, row) => row) });
  }

  async dispose(): Promise<void> {
    this.cache.clear();
    await this.executable.dispose();
  }

  private async run({ firstSlot, ids, starts, rows }: Run): Promise<Float32Array> {
    const slots = starts.length;
    const tokens = ids.length / slots;
    this.cache.reserve(firstSlot + slots, Math.max(...starts) + tokens);
    const places = this.cache.placesPerSlot;
    const positions = Int32Array.from(
      ids,
      (_, index) => starts[Math.floor(index / tokens)]! + (index % tokens),
    );
    const feeds: Record<string, HostTensor> = {
      ...this.weights,
      ...this.cache.slice(firstSlot, slots),
      ids: int32([slots, tokens], ids),
      positions: int32([slots, tokens], positions),
      rows: int32([rows.length], rows),
    };
    for (const window of this.windows) {
      feeds[biasName(window)] = cachedAttentionBias(starts, tokens, places, window);
    }
    const { logits, cached } = await this.executable.run(feeds);
    this.cache.append(firstSlot, cached!.data as Float32Array, tokens, starts);
    return logits!.data as Float32Array;
  }
}
