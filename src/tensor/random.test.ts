import { expect, test } from "vitest";
import { fillKeepMask, permutation, RandomStream, threefry2x32 } from "./random.ts";

test("Threefry-2x32-20 reproduces the known-answer vectors of Random123", () => {
  const out = new Uint32Array(2);
  threefry2x32(0, 0, 0, 0, out);
  expect([...out]).toEqual([0x6b200159, 0x99ba4efe]);
  threefry2x32(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, out);
  expect([...out]).toEqual([0x1cb996fc, 0xbb002be7]);
  threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, out);
  expect([...out]).toEqual([0xc4923a9c, 0x483df7a0]);
});

test("a stream can be resumed at its position", () => {
  const key = { seed: 7, stream: 3 };
  const first = new RandomStream(key);
  const values = Array.from({ length: 10 }, () => first.nextUint32());
  const resumed = new RandomStream(key, 4);
  expect(Array.from({ length: 6 }, () => resumed.nextUint32())).toEqual(values.slice(4));
});

test("moments of uniform, normal and keep masks", () => {
  const stream = new RandomStream({ seed: 1, stream: 2 });
  const normals = Array.from({ length: 20_000 }, () => stream.nextNormal());
  const mean = normals.reduce((sum, value) => sum + value, 0) / normals.length;
  const variance = normals.reduce((sum, value) => sum + (value - mean) ** 2, 0) / normals.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  const mask = new Uint8Array(100_003);
  fillKeepMask(mask, 0.1, { seed: 5, stream: 9 }, 0);
  expect(mask.reduce((sum, value) => sum + value, 0) / mask.length).toBeCloseTo(0.9, 2);
});

test("a permutation holds every index once", () => {
  const order = permutation(1000, { seed: 3, stream: 4 });
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
});

test("a mask drawn in pieces is the whole mask", () => {
  const key = { seed: 8, stream: 2 };
  const whole = new Uint8Array(100);
  fillKeepMask(whole, 0.4, key, 3);
  const pieces = [0, 36, 72].map((start) => {
    const piece = new Uint8Array(Math.min(36, whole.length - start));
    fillKeepMask(piece, 0.4, key, 3, start / 4);
    return [...piece];
  });
  expect(pieces.flat()).toEqual([...whole]);
});
