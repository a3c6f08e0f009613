import { expect, test } from "vitest";
import { parseSearchQuery } from "./search.ts";

test("words, phrases and exclusions; what has no letter or digit is left out", () => {
  expect(parseSearchQuery('prime "two words" -python -"not this" + "open')).toEqual({
    required: ["prime", "two words", "open"],
    excluded: ["python", "not this"],
  });
  for (const text of ["", " -only", '"', "+ - *"]) {
    expect(() => parseSearchQuery(text)).toThrow(/expected at least one word/);
  }
});
