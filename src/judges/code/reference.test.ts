import { expect, test } from "vitest";
import type { JsonObject } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { codeReference } from "./reference.ts";

test("a reference with everything, and one with little", () => {
  const full = { language: "typescript", tests: ["a", "b"], entryPoint: "f", prefix: "p", setup: "s" };
  expect(codeReference(full, "x")).toEqual(full);
  expect(codeReference({ tests: "assert f(1)", answer: "kept for others" }, "x")).toEqual({
    language: "python",
    tests: ["assert f(1)"],
  });
});

test.each<[string, JsonObject | undefined]>([
  ["no `reference`", undefined],
  ["tests must be", {}],
  ["tests must be", { tests: [] }],
  ["tests must be", { tests: [1] }],
  ['language is "cobol"', { language: "cobol", tests: "x" }],
  ["entryPoint must be", { tests: "x", entryPoint: 3 }],
  ["prefix must be", { tests: "x", prefix: ["a"] }],
])("refused: %s", (message, reference) => {
  const act = () => codeReference(reference, "p1");
  expect(act).toThrow(message);
  expect(act).toThrow('prompt "p1"');
  try {
    act();
  } catch (error) {
    expect(TuttiError.is(error) && error.code).toBe("JUDGE_INVALID");
  }
});
