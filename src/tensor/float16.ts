/** Codecs between float32 and the two 16-bit formats, which Node 20 has no typed array for. */

const buffer = new DataView(new ArrayBuffer(4));

/** IEEE 754 binary16 to number. */
function decodeFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16 (the upper half of a float32) to number. */
function decodeBfloat16Bits(bits: number): number {
  buffer.setUint32(0, bits << 16);
  return buffer.getFloat32(0);
}

/** Number to bfloat16, rounded to nearest even. */
function encodeBfloat16Bits(value: number): number {
  buffer.setFloat32(0, value);
  const bits = buffer.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Number to binary16, rounded to nearest even; overflow gives infinity. */
function encodeFloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  const scaled = magnitude / 2 ** (exponent - 10);
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // A subnormal has no hidden bit; a carry out of the fraction raises the exponent, as it should.
  return (
    sign | (exponent === -14 && magnitude < 2 ** -14 ? rounded : ((exponent + 15) << 10) + (rounded - 1024))
  );
}

function decodeWith(decode: (bits: number) => number, halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  for (let index = 0; index < halves.length; index++) values[index] = decode(halves[index]!);
  return values;
}

function encodeWith(encode: (value: number) => number, values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index++) halves[index] = encode(values[index]!);
  return halves;
}

/** binary16 elements to float32, exactly. */
export const decodeFloat16 = (halves: Uint16Array): Float32Array => decodeWith(decodeFloat16Bits, halves);
/** bfloat16 elements to float32, exactly. */
export const decodeBfloat16 = (halves: Uint16Array): Float32Array => decodeWith(decodeBfloat16Bits, halves);
/** float32 to binary16, rounded to nearest, ties to even. */
export const encodeFloat16 = (values: Float32Array): Uint16Array => encodeWith(encodeFloat16Bits, values);
/** float32 to bfloat16, rounded to nearest, ties to even. */
export const encodeBfloat16 = (values: Float32Array): Uint16Array => encodeWith(encodeBfloat16Bits, values);
