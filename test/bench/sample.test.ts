import { expect, test } from "vitest";
import { spreadBySize } from "../../bench/subjects/sample.ts";

test("the middle item of each part, by size", () => {
  const sizes = [50, 10, 40, 20, 30, 60];
  expect(spreadBySize(sizes, 2).map((index) => sizes[index])).toEqual([20, 50]);
  expect(spreadBySize(sizes, 3).map((index) => sizes[index])).toEqual([20, 40, 60]);
  expect(spreadBySize([7, 7, 7, 7], 4)).toEqual([0, 1, 2, 3]);
});
