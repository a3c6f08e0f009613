/**
 * Counter-based random numbers: every value is a pure function of (seed, stream, counter), so a run can be
 * resumed anywhere and repeated exactly. The bijection is Threefry-2x32 with 20 rounds.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
 */

const PARITY = 0x1bd11bda; // Skein key-schedule constant, Threefry section of the paper

/** A place to draw from: `seed` names the run, `stream` the use (a layer, an epoch), both unsigned 32 bit. */
export interface RandomKey {
  readonly seed: number;
  readonly stream: number;
}

/** Encrypts one 2x32-bit counter; the two output words are left in `out[0]` and `out[1]`. */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
  out: Uint32Array,
): void {
  const key2 = (PARITY ^ key0 ^ key1) | 0;
  let x0 = (counter0 + key0) | 0;
  let x1 = (counter1 + key1) | 0;
  for (let group = 1; group <= 5; group++) {
    if (group & 1) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    } else {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    }
    const phase = group % 3;
    x0 = (x0 + (phase === 0 ? key0 : phase === 1 ? key1 : key2)) | 0;
    x1 = (x1 + (phase === 0 ? key1 : phase === 1 ? key2 : key0) + group) | 0;
  }
  out[0] = x0;
  out[1] = x1;
}

/** 32-bit FNV-1a of a name, for streams that are called something. */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** A sequential reader over one key; `position` (a counter) can be saved and restored. */
export class RandomStream {
  readonly key: RandomKey;
  position: number;
  private readonly words = new Uint32Array(2);

  constructor(key: RandomKey, position = 0) {
    this.key = key;
    this.position = position;
  }

  /** Unsigned 32-bit integer. */
  nextUint32(): number {
    const counter = this.position++;
    threefry2x32(this.key.seed, this.key.stream, counter, Math.floor(counter / 0x1_0000_0000), this.words);
    return this.words[0]!;
  }

  /** Uniform in [0, 1) with 53 random bits. */
  nextUniform(): number {
    const high = this.nextUint32();
    return (high * 2 ** 21 + (this.words[1]! >>> 11)) * 2 ** -53;
  }

  /** Standard normal, Box-Muller. */
  nextNormal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.nextUniform()));
    return radius * Math.cos(2 * Math.PI * this.nextUniform());
  }

  /** Integer in [0, bound). */
  nextInteger(bound: number): number {
    return Math.floor(this.nextUniform() * bound);
  }
}

/** Fisher-Yates permutation of 0..length-1. */
export function permutation(length: number, key: RandomKey): Uint32Array {
  const order = Uint32Array.from({ length }, (_, index) => index);
  const stream = new RandomStream(key);
  for (let last = length - 1; last > 0; last--) {
    const other = stream.nextInteger(last + 1);
    const held = order[last]!;
    order[last] = order[other]!;
    order[other] = held;
  }
  return order;
}

/**
 * Fills `mask` with 1 (keep) with probability 1 - dropProbability, else 0. Sixteen random bits decide each
 * element, so the probability is exact to 2^-16.
 *
 * @param firstCounter of the first four elements: a mask in pieces is the whole one when each begins at a quarter of its place
 */
export function fillKeepMask(
  mask: Uint8Array,
  dropProbability: number,
  key: RandomKey,
  counterHigh: number,
  firstCounter = 0,
): void {
  const threshold = Math.round(dropProbability * 65536);
  const words = new Uint32Array(2);
  for (let index = 0, counter = firstCounter; index < mask.length; index += 4, counter++) {
    threefry2x32(key.seed, key.stream, counter, counterHigh, words);
    const a = words[0]!;
    const b = words[1]!;
    mask[index] = (a & 0xffff) >= threshold ? 1 : 0;
    mask[index + 1] = a >>> 16 >= threshold ? 1 : 0;
    mask[index + 2] = (b & 0xffff) >= threshold ? 1 : 0;
    mask[index + 3] = b >>> 16 >= threshold ? 1 : 0;
  }
}

/** Fills `values` with uniform numbers from -bound to below bound, each of 32 random bits. */
export function fillUniform(values: Float32Array, bound: number, key: RandomKey, counterHigh: number): void {
  const words = new Uint32Array(2);
  const scale = 2 ** -31 * bound;
  for (let index = 0, counter = 0; index < values.length; index += 2, counter++) {
    threefry2x32(key.seed, key.stream, counter, counterHigh, words);
    values[index] = words[0]! * scale - bound;
    values[index + 1] = words[1]! * scale - bound;
  }
}
