/** A hash table of keys in typed arrays: 16 bytes a key where a Map of strings takes about 120. */

const WORDS = 4;
const FIRST_CAPACITY = 1 << 12;
/** Open addressing stays short up to here. */
const FULLEST = 0.65;

/**
 * Two numbers of 32 bits for each key. Of a key (32 hexadecimal digits, as src/judged/store/keys.ts makes them) the first 64
 * bits are compared: among ten million keys, two are taken for each other with a probability of about 3e-6.
 */
export class KeyTable {
  private capacity = FIRST_CAPACITY;
  private words = new Uint32Array(FIRST_CAPACITY * WORDS);
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Adds a key that is not there yet; otherwise changes nothing and returns the place of the one that is, for `values`. */
  add(key: string, first: number, second = 0): number | undefined {
    if (this.count >= this.capacity * FULLEST) this.grow();
    // A slot is free while its first word is 0, so a key's first word never is.
    const high = Number.parseInt(key.slice(0, 8), 16) || 1;
    const low = Number.parseInt(key.slice(8, 16), 16);
    const slot = this.find(high, low);
    if (this.words[slot * WORDS] !== 0) return slot;
    this.words.set([high, low, first, second], slot * WORDS);
    this.count++;
    return undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** The numbers of a key. */
  get(key: string): readonly [first: number, second: number] | undefined {
    const high = Number.parseInt(key.slice(0, 8), 16) || 1;
    const slot = this.find(high, Number.parseInt(key.slice(8, 16), 16));
    return this.words[slot * WORDS] === 0 ? undefined : this.values(slot);
  }

  /** The numbers at a place that `add` returned. */
  values(slot: number): readonly [first: number, second: number] {
    return [this.words[slot * WORDS + 2]!, this.words[slot * WORDS + 3]!];
  }

  private find(high: number, low: number): number {
    const mask = this.capacity - 1;
    let slot = (high ^ (low >>> 3)) & mask;
    while (true) {
      const found = this.words[slot * WORDS];
      if (found === 0 || (found === high && this.words[slot * WORDS + 1] === low)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private grow(): void {
    const { words, capacity } = this;
    this.capacity = 2 * capacity;
    this.words = new Uint32Array(this.capacity * WORDS);
    for (let at = 0; at < words.length; at += WORDS) {
      if (words[at] === 0) continue;
      const slot = this.find(words[at]!, words[at + 1]!);
      this.words.set(words.subarray(at, at + WORDS), slot * WORDS);
    }
  }
}
