import { expect, it } from "vitest";
import { withTimeLimit } from "./time-limit.ts";

const late = (): Error => new Error("late");

it("gives back what the work gives, and its errors", () => {
  expect(withTimeLimit(1000, () => "done", late)).toBe("done");
  expect(() =>
    withTimeLimit(
      1000,
      () => {
        throw new TypeError("broken");
      },
      late,
    ),
  ).toThrow(TypeError);
});

it("breaks off a loop, and the search for one match", () => {
  const startedAt = performance.now();
  expect(() =>
    withTimeLimit(
      50.5,
      () => {
        for (;;);
      },
      late,
    ),
  ).toThrow("late");
  expect(() => withTimeLimit(50, () => /^(a|aa)+$/.test(`${"a".repeat(80)}!`), late)).toThrow("late");
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  expect(withTimeLimit(1000, () => 1, late)).toBe(1);
});
