/** T5's kind of tokenizer against the Python library: Unigram, Metaspace, a precompiled charsmap, an end token. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fixtureJson } from "../../test/support/fixtures.ts";
import { unigramTokenizerJson, writeUnigramTokenizer } from "../../test/support/unigram-tokenizer.ts";
import { precompiledNormalizer } from "./precompiled-normalizer.ts";
import { loadTokenizer } from "./tokenizer.ts";

interface Encoding {
  readonly text: string;
  readonly ids: readonly number[];
  readonly idsWithoutSpecialTokens: readonly number[];
  readonly decoded: string;
  readonly decodedWithSpecialTokens: string;
}

const folder = mkdtempSync(join(tmpdir(), "tutti-unigram-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeUnigramTokenizer(folder);
const tokenizer = loadTokenizer(folder);
const json = JSON.parse(unigramTokenizerJson().toString("utf8"));

describe("against the Python library", () => {
  const rows = fixtureJson<Encoding[]>("text/unigram.json");

  it("gives the same ids, with and without the end token", () => {
    expect(rows.length).toBeGreaterThan(190);
    for (const { text, ids, idsWithoutSpecialTokens } of rows) {
      expect(Array.from(tokenizer.encode(text).ids), text).toEqual(ids);
      const bare = tokenizer.encode(text, { addSpecialTokens: false }).ids;
      expect(Array.from(bare), text).toEqual(idsWithoutSpecialTokens);
    }
  });

  it("decodes to the same text", () => {
    for (const { ids, decoded, decodedWithSpecialTokens } of rows) {
      expect(tokenizer.decode(ids)).toBe(decoded);
      expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(decodedWithSpecialTokens);
    }
  });
});

it("knows T5's special tokens", () => {
  expect(tokenizer.specialTokens).toMatchObject({ pad: 0, eos: 1, unk: 2 });
  expect(tokenizer.tokenId("<extra_id_0>")).toBe(tokenizer.vocabularySize - 1);
  expect(tokenizer.encode("oboe").ids.at(-1)).toBe(1);
});

it("uses a charsmap inside a sequence of normalisers too", () => {
  const path = join(folder, "nested.json");
  const normalizer = { type: "Sequence", normalizers: [json.normalizer, { type: "Lowercase" }] };
  writeFileSync(path, JSON.stringify({ ...json, normalizer }));
  const text = "Ⅷ 👩‍👩‍👧 OBOE\u200dS";
  const lower = precompiledNormalizer(json.normalizer.precompiled_charsmap)(text).toLowerCase();
  expect(loadTokenizer(path).encode(text).ids).toEqual(tokenizer.encode(lower).ids);
});

describe("charsmaps", () => {
  const normalize = precompiledNormalizer(json.normalizer.precompiled_charsmap);

  it.each([
    ["plain text", "An oboe, 440 Hz.", "An oboe, 440 Hz."],
    ["compatibility forms", "ＡＢＣ ﬁne Ⅷ ½", "ABC fine VIII 1⁄2"],
    ["control characters and spaces", "a\u0000b\u0007c\td\u3000e", "a\u0000bc d e"],
    ["a composed pair", "e\u0301", "\u00e9"],
    ["the shortest key stands for a whole short cluster", "\r\n", " "],
  ])("%s", (_name, text, normal) => expect(normalize(text)).toBe(normal));

  it("that make no sense are refused", () => {
    for (const charsmap of ["", "AAAA", "/////w==", "BAAAAAAA"]) {
      expect(() => precompiledNormalizer(charsmap)).toThrow(/precompiled_charsmap/);
      const path = join(folder, "broken.json");
      writeFileSync(
        path,
        JSON.stringify({ ...json, normalizer: { type: "Precompiled", precompiled_charsmap: charsmap } }),
      );
      expect(() => loadTokenizer(path)).toThrow(expect.objectContaining({ code: "TOKENIZER_INVALID" }));
    }
  });

  it("whose trie points outside change nothing", () => {
    const trie = Buffer.alloc(12);
    trie.writeUInt32LE(4, 0);
    trie.writeUInt32LE(0xffff_fc00, 4);
    const wild = precompiledNormalizer(trie.toString("base64"));
    expect(wild("Aé👍🏽")).toBe("Aé👍🏽");
  });
});
