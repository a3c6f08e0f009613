import { describe, expect, it } from "vitest";
import { parseJsonBytes } from "./json.ts";

const LIMITS = { bytes: 1000, depth: 3, values: 6 };
const parse = (text: string): unknown =>
  parseJsonBytes(Buffer.from(text), LIMITS, (problem) => new Error(problem)).value;

describe("bounded JSON", () => {
  it.each([
    ['{"a":[1,{"b":2}]}', { a: [1, { b: 2 }] }],
    ['"[[[[[,,,,,,,,"', "[[[[[,,,,,,,,"],
    ['"\\\\"', "\\"],
    ['["\\"[[[[", 1]', ['"[[[[', 1]],
    ["\ufeff[]", []],
    ["[[],[],[]]", [[], [], []]],
  ])("%s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    ["[[[[1]]]]", /nested more than 3 deep/],
    ['{"a":{"a":{"a":{}}}}', /nested more than 3 deep/],
    ["[1,1,1,1,1,1]", /more than 6 values/],
    ["[[],[],[],[]]", /more than 6 values/],
    ['"', /not JSON/],
    ['"\\', /not JSON/],
    ["", /not JSON/],
  ])("%s is refused", (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it("refuses what is not UTF-8", () => {
    const bytes = Uint8Array.of(0x22, 0xff, 0x22);
    expect(() => parseJsonBytes(bytes, LIMITS, (problem) => new Error(problem))).toThrow(/UTF-8/);
  });
});
