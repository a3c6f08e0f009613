import { describe, expect, it } from "vitest";
import { argmax } from "./router.ts";

describe("argmax", () => {
  it("takes the largest value and breaks ties towards the lowest index", () => {
    expect(argmax([0.1, 0.7, 0.7])).toBe(1);
    expect(argmax(new Float64Array([3, 3]))).toBe(0);
    expect(argmax([-2, -1])).toBe(1);
    expect(argmax([Number.NEGATIVE_INFINITY])).toBe(0);
  });

  it("refuses an empty row and NaN", () => {
    expect(() => argmax([])).toThrow(/no values/);
    expect(() => argmax([1, Number.NaN])).toThrow(/value 1 is NaN/);
  });
});
