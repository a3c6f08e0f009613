import { expect, test } from "vitest";
import { float32 } from "./host-tensor.ts";
import { encodeNpy } from "./npy.ts";

test("a matrix as numpy.save writes it", () => {
  const bytes = encodeNpy(float32([2, 3], [0, 1, -2.5, 3, 1e-8, 5]));
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  expect(Buffer.from(bytes.subarray(0, 128)).toString("latin1")).toBe(
    `\x93NUMPY\x01\x00\x76\x00${header}${" ".repeat(117 - header.length)}\n`,
  );
  expect([...new Float32Array(bytes.buffer, 128)]).toEqual([0, 1, -2.5, 3, Math.fround(1e-8), 5]);
});

test("a vector's shape ends in a comma; the header always fills whole lines of 64 bytes", () => {
  const bytes = encodeNpy(float32([1], [7]));
  expect(Buffer.from(bytes).toString("latin1")).toContain("'shape': (1,), }");
  expect((bytes.length - 4) % 64).toBe(0);
});
