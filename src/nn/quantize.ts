/**
 * Weight matrices in 8 or 4 bits: blocks along a row, each with a float32 scale and an integer zero point;
 * w = (q - zero) scale + offset, q and zero in 0 .. 2^bits - 1. The layout is that of ops/quantized-matmul.ts.
 *
 * Eight bits: a block [low, high], stretched to hold 0, gets scale (high - low) / 255 and no offset.
 * Four bits: an offset for every block, at most half a step, so that a block need not meet 0 exactly. Levels come from
 * dividing [low, high] into 15 .. 11 steps, scale and offset from least squares; the best is kept. Blocks that were
 * stored in 4 bits before (GGUF's Q4_0, Q4_1, Q4_K) come back as they were.
 */
import type { Float32Tensor } from "../tensor/host-tensor.ts";

export type WeightBits = 4 | 8;

/** Weights that share a scale. */
export const QUANTIZATION_BLOCK = 32;

const MOST_STEPS = 15;
const FEWEST_STEPS = 11;
/** A squared error this small beside the squared weights is float32 rounding. */
const EXACT = 1e-11;

export interface QuantizedMatrix {
  readonly bits: WeightBits;
  readonly block: number;
  /** [outputs, inputs] */
  readonly shape: readonly [number, number];
  readonly packed: Uint8Array;
  readonly scales: Float32Array;
  readonly zeros: Uint8Array;
  /** [outputs, inputs / block]; absent where all are 0. */
  readonly offsets: Float32Array | undefined;
  /** Sum of (stored - given)^2. */
  readonly squaredError: number;
  /** Sum of given^2. */
  readonly squaredNorm: number;
}

/** Whether a matrix can be stored in blocks. */
export const canQuantize = ({ shape }: Float32Tensor): boolean =>
  shape.length === 2 && shape[1]! % QUANTIZATION_BLOCK === 0;

/** Quantises W [outputs, inputs]; inputs are a multiple of the block. */
export function quantizeMatrix(weight: Float32Tensor, bits: WeightBits): QuantizedMatrix {
  return bits === 8 ? quantizeTo8(weight) : quantizeTo4(weight);
}

function quantizeTo8({ shape, data }: Float32Tensor): QuantizedMatrix {
  const blocks = data.length / QUANTIZATION_BLOCK;
  const packed = new Uint8Array(data.length);
  const scales = new Float32Array(blocks);
  const zeros = new Uint8Array(blocks);
  let squaredError = 0;
  let squaredNorm = 0;
  for (let block = 0; block < blocks; block++) {
    const start = block * QUANTIZATION_BLOCK;
    const { low, high } = rangeOf(data, start);
    const scale = Math.fround((Math.max(high, 0) - Math.min(low, 0)) / 255) || 1;
    const zero = Math.round(-Math.min(low, 0) / scale);
    for (let index = start; index < start + QUANTIZATION_BLOCK; index++) {
      const value = data[index]!;
      const level = Math.min(Math.max(Math.round(value / scale) + zero, 0), 255);
      packed[index] = level;
      squaredError += (value - (level - zero) * scale) ** 2;
      squaredNorm += value * value;
    }
    scales[block] = scale;
    zeros[block] = zero;
  }
  const sizes = shape as readonly [number, number];
  const common = { bits: 8, block: QUANTIZATION_BLOCK, shape: sizes, offsets: undefined } as const;
  return { ...common, packed, scales, zeros, squaredError, squaredNorm };
}

function rangeOf(data: Float32Array, start: number): { readonly low: number; readonly high: number } {
  let low = data[start]!;
  let high = low;
  for (let index = start + 1; index < start + QUANTIZATION_BLOCK; index++) {
    const value = data[index]!;
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  return { low, high };
}

/** Levels of one block, and the line w = scale level + minimum nearest to its weights. */
interface Line {
  readonly levels: Uint8Array;
  scale: number;
  minimum: number;
  squaredError: number;
}

const emptyLine = (): Line => ({
  levels: new Uint8Array(QUANTIZATION_BLOCK),
  scale: 1,
  minimum: 0,
  squaredError: Number.POSITIVE_INFINITY,
});

/** Divides the block's range into `steps` steps and fits the line by least squares. */
function divide(data: Float32Array, start: number, low: number, step: number, line: Line): void {
  const n = QUANTIZATION_BLOCK;
  let [q, qq, w, qw] = [0, 0, 0, 0];
  const inverse = 1 / step;
  for (let index = 0; index < n; index++) {
    const value = data[start + index]!;
    const level = Math.min(((value - low) * inverse + 0.5) | 0, MOST_STEPS);
    line.levels[index] = level;
    q += level;
    qq += level * level;
    w += value;
    qw += level * value;
  }
  const determinant = n * qq - q * q;
  line.scale = Math.fround(determinant === 0 ? step : (n * qw - q * w) / determinant);
  line.minimum = (w - line.scale * q) / n;
  line.squaredError = 0;
  for (let index = 0; index < n; index++) {
    line.squaredError += (data[start + index]! - line.scale * line.levels[index]! - line.minimum) ** 2;
  }
}

function quantizeTo4({ shape, data }: Float32Tensor): QuantizedMatrix {
  const [outputs, inputs] = shape as readonly [number, number];
  const blocks = inputs / QUANTIZATION_BLOCK;
  const packed = new Uint8Array(data.length / 2);
  const scales = new Float32Array(outputs * blocks);
  const offsets = new Float32Array(outputs * blocks);
  const zeroBytesPerRow = Math.ceil(blocks / 2);
  const zeros = new Uint8Array(outputs * zeroBytesPerRow);
  let squaredError = 0;
  let squaredNorm = 0;
  let [best, other] = [emptyLine(), emptyLine()];
  for (let block = 0; block < scales.length; block++) {
    const start = block * QUANTIZATION_BLOCK;
    const { low, high } = rangeOf(data, start);
    let norm = 0;
    for (let index = start; index < start + QUANTIZATION_BLOCK; index++) norm += data[index]! ** 2;
    squaredNorm += norm;
    best.squaredError = Number.POSITIVE_INFINITY;
    for (let steps = MOST_STEPS; steps >= FEWEST_STEPS && best.squaredError > EXACT * norm; steps--) {
      divide(data, start, low, (high - low) / steps || 1, other);
      if (other.squaredError < best.squaredError) [best, other] = [other, best];
    }
    const zero = Math.min(Math.max(Math.round(-best.minimum / best.scale), 0), MOST_STEPS);
    scales[block] = best.scale;
    offsets[block] = best.minimum + zero * best.scale;
    squaredError += best.squaredError;
    for (let pair = 0; pair < QUANTIZATION_BLOCK / 2; pair++) {
      packed[start / 2 + pair] = best.levels[2 * pair]! | (best.levels[2 * pair + 1]! << 4);
    }
    const [row, column] = [Math.floor(block / blocks), block % blocks];
    zeros[row * zeroBytesPerRow + (column >> 1)]! |= zero << (4 * (column & 1));
  }
  const common = { bits: 4, block: QUANTIZATION_BLOCK, shape: [outputs, inputs] } as const;
  return { ...common, packed, scales, zeros, offsets, squaredError, squaredNorm };
}
