/** What each sequence of an encoder-decoder holds: keys and values of its source, made once, and of its own tokens. */
import { MASKED_BIAS } from "../nn/index.ts";
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import { cacheNames } from "./decoder-graph.ts";
import { KeyValueCache } from "./key-value-cache.ts";
import { memoryNames } from "./seq2seq-graph.ts";
import type { SlotStore } from "./slot-decoder.ts";

export class Seq2SeqCache implements SlotStore {
  readonly target: KeyValueCache;
  private readonly source: KeyValueCache;
  /** Source tokens of each slot. */
  private readonly lengths: number[] = [];

  constructor(layers: number, heads: number, headWidth: number) {
    this.target = new KeyValueCache(cacheNames(layers), heads, headWidth);
    this.source = new KeyValueCache(memoryNames(layers), heads, headWidth);
  }

  /** Puts a source behind those of a slot; `isFirst` forgets what the slot held. */
  addSource(slot: number, memory: Float32Array, tokens: number, isFirst: boolean): void {
    const start = isFirst ? 0 : this.lengthOf(slot);
    this.source.reserve(slot + 1, start + tokens);
    this.source.append(slot, memory, tokens, [start]);
    this.lengths[slot] = start + tokens;
  }

  /** Feeds of slots `first` .. `first + count - 1`: keys, values, and the bias [count, 1, 1, S] that hides empty places. */
  slice(first: number, count: number): Readonly<Record<string, Float32Tensor>> {
    const places = this.source.placesPerSlot;
    const bias = new Float32Array(count * places).fill(MASKED_BIAS);
    for (let slot = 0; slot < count; slot++) {
      bias.fill(0, slot * places, slot * places + this.lengthOf(first + slot));
    }
    return {
      ...this.target.slice(first, count),
      ...this.source.slice(first, count),
      memory_bias: float32([count, 1, 1, places], bias),
    };
  }

  save(slot: number, tokens: number): (slot: number) => void {
    const length = this.lengthOf(slot);
    const [target, source] = [this.target.save(slot, tokens), this.source.save(slot, length)];
    return (to) => {
      target(to);
      source(to);
      this.lengths[to] = length;
    };
  }

  copy(from: number, to: number, tokens: number): void {
    const length = this.lengthOf(from);
    this.target.copy(from, to, tokens);
    this.source.copy(from, to, length);
    this.lengths[to] = length;
  }

  clear(): void {
    this.target.clear();
    this.source.clear();
    this.lengths.length = 0;
  }

  private lengthOf(slot: number): number {
    return this.lengths[slot] ?? 0;
  }
}
