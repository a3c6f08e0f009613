/**
 * Block-wise 8-bit quantisation with a dynamic code (Dettmers et al., arXiv 2110.02861, sections 1.2 and 2): each
 * block of numbers is divided by its largest magnitude and every quotient stored as the nearest of 256 levels.
 *
 * The levels are dense near zero: for each decade 10^(e-6), e = 0..6, the midpoints of 2^e equal parts of
 * [0.1, 1] (2^(e+1) parts in the unsigned code), with both signs in the signed code, and 0 and 1.
 */

const DECADES = 7;

function dynamicLevels(isSigned: boolean): Float32Array {
  const levels = [0, 1];
  for (let decade = 0; decade < DECADES; decade++) {
    const parts = 2 ** (isSigned ? decade : decade + 1);
    for (let part = 0; part < parts; part++) {
      const midpoint = 0.1 + (0.9 * (part + 0.5)) / parts;
      const level = 10 ** (decade - DECADES + 1) * midpoint;
      levels.push(level);
      if (isSigned) levels.push(-level);
    }
  }
  return Float32Array.from(levels).sort();
}

export interface QuantizationCode {
  /** 256 levels in rising order, within [-1, 1] or [0, 1]. */
  readonly levels: Float32Array;
  /** Midpoints between neighbouring levels; a number on one takes the lower level. */
  readonly thresholds: Float64Array;
}

function codeOf(levels: Float32Array): QuantizationCode {
  const thresholds = Float64Array.from(
    { length: levels.length - 1 },
    (_, index) => (levels[index]! + levels[index + 1]!) / 2,
  );
  return { levels, thresholds };
}

/** -0.99 .. 1. */
export const SIGNED_CODE: QuantizationCode = codeOf(dynamicLevels(true));
/** 0 .. 1. */
export const UNSIGNED_CODE: QuantizationCode = codeOf(dynamicLevels(false));

/** The index of the level nearest to `value`. */
export function nearestLevel({ thresholds }: QuantizationCode, value: number): number {
  let low = 0;
  let high = thresholds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (thresholds[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Stores one block as codes.
 *
 * @param hasZeroFloor gives every number above 0 at least the smallest level above 0: a second moment that
 *   becomes 0 while the first does not would make the next step huge
 * @returns the block's scale, its largest magnitude rounded to float32
 */
export function quantizeBlock(
  code: QuantizationCode,
  values: Float64Array,
  codes: Uint8Array,
  hasZeroFloor: boolean,
): number {
  let largest = 0;
  for (let index = 0; index < values.length; index++) largest = Math.max(largest, Math.abs(values[index]!));
  const scale = Math.fround(largest);
  for (let index = 0; index < values.length; index++) {
    const nearest = nearestLevel(code, scale === 0 ? 0 : values[index]! / scale);
    codes[index] = hasZeroFloor && values[index]! > 0 ? Math.max(1, nearest) : nearest;
  }
  return scale;
}
