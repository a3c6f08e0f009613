/**
 * Half-precision codecs: IEEE 754 binary16 (F16) and bfloat16 (BF16), both held as their 16 bits in a Uint16Array.
 * Encoding rounds to the nearest value, ties to even; what is too large becomes infinity and NaN stays NaN.
 */

let float16Values: Float32Array | undefined;

/** The value of every 16-bit pattern, to be indexed by the bits: 256 KiB, made at first use. Not to be written to. */
export function float16Table(): Float32Array {
  if (float16Values) return float16Values;
  const table = new Float32Array(1 << 16);
  for (let bits = 0; bits < table.length; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent < 31) table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    else table[bits] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  float16Values = table;
  return table;
}

/** The float32 values as their 32 bits, in place. */
function float32Bits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** Widens binary16 bits; every value is exact in float32. `values` takes the result where an array is at hand. */
export function decodeFloat16(
  bits: Uint16Array,
  values: Float32Array = new Float32Array(bits.length),
): Float32Array {
  const table = float16Table();
  for (let index = 0; index < bits.length; index++) values[index] = table[bits[index]!]!;
  return values;
}

/** The binary16 bits nearest to a float32 given as its own bits. */
function float16BitsOf(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From 65520 on, halfway between the largest finite value and 2^16, everything rounds to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Normal: rebias the exponent from 127 to 15 and round off the 13 extra bits. A carry moves the exponent, rightly.
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  // Subnormal, in units of 2^-24; at most 2^-25 rounds to zero.
  if (magnitude <= 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const half = 1 << (shift - 1);
  const whole = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  return sign | (rest > half || (rest === half && whole & 1) ? whole + 1 : whole);
}

/** Narrows to binary16 bits. */
export function encodeFloat16(values: Float32Array): Uint16Array {
  const words = float32Bits(values);
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) bits[index] = float16BitsOf(words[index]!);
  return bits;
}

/** Widens bfloat16 bits, which are the upper half of a float32. `values` takes the result where an array is at hand. */
export function decodeBfloat16(
  bits: Uint16Array,
  values: Float32Array = new Float32Array(bits.length),
): Float32Array {
  const words = float32Bits(values);
  for (let index = 0; index < bits.length; index++) words[index] = bits[index]! << 16;
  return values;
}

/** Narrows to bfloat16 bits. */
export function encodeBfloat16(values: Float32Array): Uint16Array {
  const words = float32Bits(values);
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) {
    const word = words[index]!;
    // A NaN keeps its sign and becomes quiet: rounding could turn it into infinity.
    const isNotNumber = (word & 0x7fffffff) > 0x7f800000;
    bits[index] = isNotNumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}
