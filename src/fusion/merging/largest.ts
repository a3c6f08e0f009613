/**
 * Exact selection of the largest magnitudes among numbers that are seen piece by piece: the bits of non-negative float32 are
 * ordered as the numbers are, so two histograms of 2^16 counts find the smallest one that is taken, whatever their number.
 */

const MAGNITUDE = 0x7fffffff;

const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);

/** Numbers of which the largest are taken. Ties at the threshold are taken from the first one on. */
export class Selection {
  /** The bits of the smallest magnitude that is taken, and how many of exactly that one. */
  private readonly threshold: number;
  private readonly ties: number;
  private tiesLeft = 0;

  constructor(threshold: number, ties: number) {
    this.threshold = threshold;
    this.ties = ties;
  }

  /**
   * Copies pieces, with zero in place of what is not taken.
   *
   * @param magnitudes decides: one number for each element of the pieces
   * @param start number of the first element; 0 begins a pass, and the pieces of a pass follow in order
   */
  keep(
    magnitudes: Float32Array,
    start: number,
    pieces: readonly Float32Array[],
    kept: readonly Float32Array[],
  ): void {
    const taken = this.take(magnitudes, start);
    for (const [piece, values] of pieces.entries()) keepTaken(values, taken, kept[piece]!);
  }

  /** 1 for what is taken, 0 for the rest; the arguments are those of `keep`. */
  take(magnitudes: Float32Array, start: number): Uint8Array {
    if (start === 0) this.tiesLeft = this.ties;
    const { threshold } = this;
    const bits = bitsOf(magnitudes);
    const taken = new Uint8Array(bits.length);
    let left = this.tiesLeft;
    for (let index = 0; index < bits.length; index++) {
      const magnitude = bits[index]! & MAGNITUDE;
      if (magnitude > threshold || (magnitude === threshold && left-- > 0)) taken[index] = 1;
    }
    this.tiesLeft = left;
    return taken;
  }
}

export function keepTaken(values: Float32Array, taken: Uint8Array, kept: Float32Array): void {
  for (let index = 0; index < values.length; index++) kept[index] = taken[index] ? values[index]! : 0;
}

/** Calls `visit` with the numbers, piece by piece: one array for each of the sets that are selected from. */
export type ScanNumbers = (visit: (sets: readonly Float32Array[]) => void) => Promise<void>;

interface Place {
  readonly bucket: number;
  /** How many to take inside of the bucket. */
  readonly within: number;
}

/** The bucket that holds the `count`-th number from the top. */
function placeOf(histogram: Uint32Array, count: number): Place {
  let left = count;
  for (let bucket = histogram.length - 1; bucket > 0; bucket--) {
    const held = histogram[bucket]!;
    if (held >= left) return { bucket, within: left };
    left -= held;
  }
  return { bucket: 0, within: left };
}

/** Counts magnitudes by their upper half; returns how many are zero. */
function countUpper(bits: Uint32Array, histogram: Uint32Array): number {
  let zeros = 0;
  for (let index = 0; index < bits.length; index++) {
    const magnitude = bits[index]! & MAGNITUDE;
    if (magnitude === 0) zeros++;
    histogram[magnitude >>> 16]!++;
  }
  return zeros;
}

/** Counts by their lower half those whose upper half is `bucket`. */
function countLower(bits: Uint32Array, bucket: number, histogram: Uint32Array): void {
  for (let index = 0; index < bits.length; index++) {
    const magnitude = bits[index]! & MAGNITUDE;
    if (magnitude >>> 16 === bucket) histogram[magnitude & 0xffff]!++;
  }
}

/** As many as there are, and none. */
const EVERYTHING = (): Selection => new Selection(-1, 0);
const NOTHING = (): Selection => new Selection(MAGNITUDE, 0);

/**
 * Selects the largest magnitudes of each set, in at most two passes.
 *
 * @param countOf how many to take of a set, given its size and how many of its numbers are not zero
 */
export async function selectLargest(
  sets: number,
  scan: ScanNumbers,
  countOf: (size: number, nonZero: number) => number,
): Promise<Selection[]> {
  const upper = Array.from({ length: sets }, () => new Uint32Array(2 ** 15));
  const sizes = new Array<number>(sets).fill(0);
  const zeros = new Array<number>(sets).fill(0);
  await scan((pieces) => {
    for (let set = 0; set < sets; set++) {
      sizes[set]! += pieces[set]!.length;
      zeros[set]! += countUpper(bitsOf(pieces[set]!), upper[set]!);
    }
  });
  const counts = sizes.map((size, set) => countOf(size, size - zeros[set]!));
  const places = counts.map((count, set) => placeOf(upper[set]!, count));
  const lower = Array.from({ length: sets }, () => new Uint32Array(2 ** 16));
  await scan((pieces) => {
    for (let set = 0; set < sets; set++) {
      countLower(bitsOf(pieces[set]!), places[set]!.bucket, lower[set]!);
    }
  });
  return counts.map((count, set) => {
    if (count <= 0) return NOTHING();
    if (count >= sizes[set]!) return EVERYTHING();
    const { bucket, within } = places[set]!;
    const low = placeOf(lower[set]!, within);
    return new Selection(bucket * 2 ** 16 + low.bucket, low.within);
  });
}
