/**
 * Keys and values of the sequences that are being made: one array for each layer and kind, one row a sequence ("slot").
 * The backend reads the arrays in place; they grow with the longest sequence and the number of slots.
 *
 * B slots, K key/value heads, S places in a slot, D head width.
 */
import { type Float32Tensor, float32 } from "../tensor/host-tensor.ts";
import type { SlotStore } from "./slot-decoder.ts";

/** Places are added by this many: attention then sums in the same order whatever the size. */
const PLACES_MULTIPLE = 64;

export class KeyValueCache implements SlotStore {
  private slots = 0;
  private places = 0;
  private readonly names: readonly string[];
  private readonly heads: number;
  private readonly headWidth: number;
  private arrays: Float32Array[];
  private readonly views = new Map<string, Readonly<Record<string, Float32Tensor>>>();

  /** @param names of the arrays as the graph's inputs: keys of layer 0, its values, keys of layer 1, ... */
  constructor(names: readonly string[], heads: number, headWidth: number) {
    this.names = names;
    this.heads = heads;
    this.headWidth = headWidth;
    this.arrays = this.names.map(() => new Float32Array(0));
  }

  /** S, the same for all slots. */
  get placesPerSlot(): number {
    return this.places;
  }

  get bytes(): number {
    return this.arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Makes room for at least `slots` slots of `tokens` tokens; what is held stays. */
  reserve(slots: number, tokens: number): void {
    if (slots <= this.slots && tokens <= this.places && this.places > 0) return;
    const newSlots = slots <= this.slots ? this.slots : Math.max(slots, 2 * this.slots);
    const wanted = tokens <= this.places ? this.places : Math.max(tokens, 1.25 * this.places);
    const newPlaces = PLACES_MULTIPLE * Math.max(1, Math.ceil(wanted / PLACES_MULTIPLE));
    const row = this.places * this.headWidth;
    const newRow = newPlaces * this.headWidth;
    this.arrays = this.arrays.map((old) => {
      const array = new Float32Array(newSlots * this.heads * newRow);
      for (let head = 0; head < this.slots * this.heads; head++) {
        array.set(old.subarray(head * row, (head + 1) * row), head * newRow);
      }
      return array;
    });
    this.slots = newSlots;
    this.places = newPlaces;
    this.views.clear();
  }

  /** The caches of slots `first` .. `first + count - 1` as tensors [count, K, S, D] over this memory, by name. */
  slice(first: number, count: number): Readonly<Record<string, Float32Tensor>> {
    const key = `${first}+${count}`;
    let view = this.views.get(key);
    if (!view) {
      const shape = [count, this.heads, this.places, this.headWidth];
      const size = this.heads * this.places * this.headWidth;
      view = Object.fromEntries(
        this.names.map((name, index) => [
          name,
          float32(shape, this.arrays[index]!.subarray(first * size, (first + count) * size)),
        ]),
      );
      this.views.set(key, view);
    }
    return view;
  }

  /**
   * Puts new keys and values behind the older ones.
   *
   * @param cached f32 [B, arrays * K, T, D], row b for slot `first + b`
   * @param starts tokens that each of these slots holds
   */
  append(first: number, cached: Float32Array, tokens: number, starts: ArrayLike<number>): void {
    const length = tokens * this.headWidth;
    let from = 0;
    for (let slot = 0; slot < starts.length; slot++) {
      for (const array of this.arrays) {
        for (let head = 0; head < this.heads; head++) {
          const to = this.start(first + slot, head) + starts[slot]! * this.headWidth;
          array.set(cached.subarray(from, from + length), to);
          from += length;
        }
      }
    }
  }

  save(slot: number, tokens: number): (slot: number) => void {
    const length = tokens * this.headWidth;
    const data = this.arrays.map((array) => {
      const copy = new Float32Array(this.heads * length);
      for (let head = 0; head < this.heads; head++) {
        const from = this.start(slot, head);
        copy.set(array.subarray(from, from + length), head * length);
      }
      return copy;
    });
    return (to) => {
      this.reserve(to + 1, tokens);
      this.restore(to, data, length);
    };
  }

  /** @param data one array [K, tokens, D] for each layer and kind */
  private restore(slot: number, data: readonly Float32Array[], length: number): void {
    for (const [index, copy] of data.entries()) {
      for (let head = 0; head < this.heads; head++) {
        this.arrays[index]!.set(copy.subarray(head * length, (head + 1) * length), this.start(slot, head));
      }
    }
  }

  copy(from: number, to: number, tokens: number): void {
    this.reserve(to + 1, tokens);
    const length = tokens * this.headWidth;
    for (const array of this.arrays) {
      for (let head = 0; head < this.heads; head++) {
        const start = this.start(from, head);
        array.copyWithin(this.start(to, head), start, start + length);
      }
    }
  }

  clear(): void {
    this.arrays = this.names.map(() => new Float32Array(0));
    this.slots = 0;
    this.places = 0;
    this.views.clear();
  }

  private start(slot: number, head: number): number {
    return (slot * this.heads + head) * this.places * this.headWidth;
  }
}
