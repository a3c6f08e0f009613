import { expect, test } from "vitest";
import { float32 } from "../tensor/host-tensor.ts";
import { RandomStream } from "../tensor/random.ts";
import { canQuantize, type QuantizedMatrix, quantizeMatrix } from "./quantize.ts";

const stream = new RandomStream({ seed: 1, stream: 9 });
const normals = (count: number): Float32Array =>
  Float32Array.from({ length: count }, () => stream.nextNormal());

/** Written after the description of the layout, not after the packing code. */
function restore({ bits, block, shape, packed, scales, zeros, offsets }: QuantizedMatrix): Float32Array {
  const [outputs, inputs] = shape;
  const blocks = inputs / block;
  const level = (data: Uint8Array, index: number): number =>
    bits === 8 ? data[index]! : (data[Math.floor(index / 2)]! / (index % 2 === 0 ? 1 : 16)) & 15;
  const zerosPerRow = bits === 8 ? blocks : 2 * Math.ceil(blocks / 2);
  return Float32Array.from({ length: outputs * inputs }, (_, index) => {
    const [row, column] = [Math.floor(index / inputs), index % inputs];
    const at = row * blocks + Math.floor(column / block);
    const zero = level(zeros, row * zerosPerRow + Math.floor(column / block));
    return (level(packed, index) - zero) * scales[at]! + (offsets?.[at] ?? 0);
  });
}

test.each([
  [8, 0.006],
  [4, 0.085],
] as const)("%i bits: the error is as stated, and below %d of normal weights", (bits, bound) => {
  // Five blocks a row: rows of zero points end inside a byte.
  const weight = float32([7, 160], normals(7 * 160));
  const matrix = quantizeMatrix(weight, bits);
  const restored = restore(matrix);
  const error = weight.data.reduce((sum, value, index) => sum + (value - restored[index]!) ** 2, 0);
  expect(matrix.squaredError / error).toBeCloseTo(1, 3);
  expect(Math.sqrt(error / matrix.squaredNorm)).toBeLessThan(bound);
});

test("blocks that were stored in 4 bits before come back as they were", () => {
  const [scale, minimum] = [0.037, -0.21];
  const data = Float32Array.from({ length: 64 }, (_, index) =>
    Math.fround(scale * ((index * 7) % 16) + minimum),
  );
  const matrix = quantizeMatrix(float32([1, 64], data), 4);
  expect(Math.sqrt(matrix.squaredError / matrix.squaredNorm)).toBeLessThan(1e-6);
  for (const [index, value] of restore(matrix).entries()) expect(value).toBeCloseTo(data[index]!, 6);
});

test.each([8, 4] as const)("%i bits: constant, one-sided and empty blocks", (bits) => {
  const data = new Float32Array(128);
  data.fill(0.5, 32, 64);
  data.fill(-3, 64, 96);
  for (let index = 96; index < 128; index++) data[index] = 5 + (index - 96) / 32;
  const restored = restore(quantizeMatrix(float32([2, 64], data), bits));
  const tolerance = bits === 8 ? 0.013 : 0.035;
  for (const [index, value] of restored.entries())
    expect(Math.abs(value - data[index]!)).toBeLessThan(tolerance);
});

test("only matrices whose rows are whole blocks", () => {
  expect(canQuantize(float32([2, 64]))).toBe(true);
  expect(canQuantize(float32([2, 48]))).toBe(false);
  expect(canQuantize(float32([64]))).toBe(false);
});
