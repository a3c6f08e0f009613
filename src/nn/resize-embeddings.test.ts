import { expect, test } from "vitest";
import { float32 } from "../tensor/host-tensor.ts";
import { resizeEmbeddings } from "./resize-embeddings.ts";

const parameters = { table: float32([2, 2], [1, 2, 3, 6]), bias: float32([2], [1, 3]), other: float32([1]) };

test("new rows are the mean of the old ones, rows are padded to a multiple", () => {
  const { parameters: resized, rows } = resizeEmbeddings(parameters, ["table", "bias"], 3, {
    padToMultipleOf: 4,
  });
  expect(rows).toBe(4);
  expect(resized.table).toEqual(float32([4, 2], [1, 2, 3, 6, 2, 4, 2, 4]));
  expect(resized.bias).toEqual(float32([4], [1, 3, 2, 2]));
  expect(resized.other).toBe(parameters.other);
  expect(parameters.table.shape).toEqual([2, 2]);
});

test("zero and normal rows", () => {
  const table = (newRows: "zero" | { normalStd: number; seed: number }, rows: number) =>
    resizeEmbeddings(parameters, ["table"], rows, { newRows }).parameters.table!.data;
  expect([...table("zero", 3)]).toEqual([1, 2, 3, 6, 0, 0]);
  const normal = table({ normalStd: 0.02, seed: 1 }, 2002).subarray(4);
  const deviation = Math.sqrt(normal.reduce((sum, value) => sum + value * value, 0) / normal.length);
  expect(deviation).toBeGreaterThan(0.019);
  expect(deviation).toBeLessThan(0.021);
  expect(table({ normalStd: 0.02, seed: 1 }, 2002)).toEqual(table({ normalStd: 0.02, seed: 1 }, 2002));
});

test("fewer rows cut the last ones off", () => {
  const { parameters: resized } = resizeEmbeddings(parameters, ["table"], 1);
  expect(resized.table).toEqual(float32([1, 2], [1, 2]));
});

test("what cannot be resized", () => {
  expect(() => resizeEmbeddings(parameters, ["tabel"], 3)).toThrow(
    expect.objectContaining({ code: "WEIGHTS_MISMATCH" }),
  );
  expect(() => resizeEmbeddings(parameters, ["table"], 0)).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});
