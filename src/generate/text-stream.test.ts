import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RandomStream } from "../tensor/random.ts";
import { loadTokenizer } from "../text/index.ts";
import { IncrementalDecoder, StopStringScanner } from "./text-stream.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/text");
const texts = (
  JSON.parse(readFileSync(join(FIXTURES, "byte-level.json"), "utf8")) as readonly { text: string }[]
).map(({ text }) => text);

/** The pieces that ids come out in, the rest last. */
function pieces(decode: (ids: readonly number[]) => string, ids: Iterable<number>): string[] {
  const decoder = new IncrementalDecoder(decode);
  const said = Array.from(ids, (id) => decoder.push(id));
  return [...said, decoder.finish()];
}

describe.each(["byte-level", "byte-fallback"])("%s tokenizer", (name) => {
  const tokenizer = loadTokenizer(join(FIXTURES, `${name}.tokenizer.json`));
  const decode = (ids: readonly number[]): string => tokenizer.decode(ids);

  test("pieces join to the text, and none of them has half a character", () => {
    expect(texts.length).toBeGreaterThan(50);
    for (const text of texts) {
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
      const said = pieces(decode, ids);
      const whole = tokenizer.decode(ids);
      expect(said.join("")).toBe(whole);
      if (!whole.includes("\ufffd")) expect(said.join("|")).not.toContain("\ufffd");
      // No piece ends between the halves of a surrogate pair.
      for (const piece of said) expect(piece).not.toMatch(/[\ud800-\udbff]$/);
    }
  });
});

test("any ids of a byte-level vocabulary join to their text", () => {
  const tokenizer = loadTokenizer(join(FIXTURES, "byte-level.tokenizer.json"));
  const stream = new RandomStream({ seed: 4, stream: 0 });
  for (let round = 0; round < 200; round++) {
    const ids = Array.from({ length: 1 + stream.nextInteger(30) }, () =>
      stream.nextInteger(tokenizer.vocabularySize),
    );
    const said = pieces((some) => tokenizer.decode(some), ids);
    expect(said.join("")).toBe(tokenizer.decode(ids));
  }
});

describe("stop strings", () => {
  function scan(stops: readonly string[], parts: readonly string[]) {
    const scanner = new StopStringScanner(stops);
    const said = parts.map((part) => scanner.push(part));
    return { said, rest: scanner.finish(), match: scanner.match };
  }

  test("what may become a stop string is held back, and said when it does not", () => {
    expect(scan(["<end>"], ["a<e", "nx", "<en", "d>b", "c"])).toEqual({
      said: ["a", "<enx", "", "", ""],
      rest: "",
      match: "<end>",
    });
    expect(scan(["<end>"], ["a<en"])).toEqual({ said: ["a"], rest: "<en", match: undefined });
  });

  test("the first of several; a stop string over many pieces; one that repeats its beginning", () => {
    expect(scan(["yz", "xy"], ["axyz"])).toEqual({ said: ["a"], rest: "", match: "xy" });
    expect(scan(["\n\n"], ["a\n", "b\n", "\nc"]).said.join("")).toBe("a\nb");
    expect(scan(["aab"], ["a", "a", "a", "b", "x"])).toEqual({
      said: ["", "", "a", "", ""],
      rest: "",
      match: "aab",
    });
  });

  test("in every split of a text: all before the stop string, nothing of it", () => {
    const text = "ababc<|stop|>def";
    for (let mask = 0; mask < 2 ** (text.length - 1); mask += 7) {
      const parts: string[] = [];
      let from = 0;
      for (let at = 1; at <= text.length; at++) {
        if (at === text.length || (mask >> (at - 1)) & 1) {
          parts.push(text.slice(from, at));
          from = at;
        }
      }
      const { said, rest } = scan(["<|stop|>", "abd"], parts);
      expect(said.join("") + rest).toBe("ababc");
    }
  });
});
