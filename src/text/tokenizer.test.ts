import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TuttiError } from "../support/errors.ts";
import { defaultTokenizerPath, loadTokenizer } from "./tokenizer.ts";

interface Encoding {
  readonly text: string;
  readonly ids: readonly number[];
  readonly idsWithoutSpecialTokens: readonly number[];
  readonly decoded: string;
  readonly decodedWithSpecialTokens: string;
}

const fixture = (name: string) => new URL(`../../fixtures/text/${name}`, import.meta.url);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-tokenizer-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, content instanceof Uint8Array ? content : JSON.stringify(content));
  return path;
}

const defaultJson = () => JSON.parse(readFileSync(defaultTokenizerPath, "utf8"));

describe.each([
  { name: "the default WordPiece", path: defaultTokenizerPath, recorded: "tokenizer.json" },
  {
    name: "a byte-level BPE with single digits",
    path: fileURLToPath(fixture("byte-level.tokenizer.json")),
    recorded: "byte-level.json",
  },
])("$name against the Python library", ({ path, recorded }) => {
  const rows = JSON.parse(readFileSync(fixture(recorded), "utf8")) as Encoding[];
  const tokenizer = loadTokenizer(path);

  it("has a fixture worth its name", () => expect(rows.length).toBeGreaterThan(250));

  it("gives the same ids", () => {
    for (const { text, ids } of rows) expect(Array.from(tokenizer.encode(text).ids), text).toEqual(ids);
  });

  it("gives the same ids without special tokens", () => {
    for (const { text, idsWithoutSpecialTokens } of rows) {
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
      expect(Array.from(ids), text).toEqual(idsWithoutSpecialTokens);
    }
  });

  it("decodes to the same text", () => {
    for (const { ids, decoded, decodedWithSpecialTokens } of rows) {
      expect(tokenizer.decode(ids)).toBe(decoded);
      expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(decodedWithSpecialTokens);
    }
  });
});

describe("the default tokenizer", () => {
  const tokenizer = loadTokenizer(defaultTokenizerPath);

  it("has the promised entries", () => {
    expect(tokenizer.vocabularySize).toBe(8192);
    expect(tokenizer.specialTokens).toEqual({ pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
    for (let index = 0; index < 32; index++) expect(tokenizer.tokenId(`[unused${index}]`)).toBe(5 + index);
    expect(tokenizer.token(8191)).toBeTypeOf("string");
    expect(tokenizer.token(8192)).toBeUndefined();
    expect(tokenizer.tokenId("not-a-token")).toBeUndefined();
    expect(readFileSync(defaultTokenizerPath).byteLength).toBeLessThan(500_000);
  });

  it("is known by the hash of its file", () => {
    const sha256 = createHash("sha256").update(readFileSync(defaultTokenizerPath)).digest("hex");
    expect(tokenizer.sha256).toBe(sha256);
  });

  it("leaves out ids that have no token when decoding", () => {
    const { ids } = tokenizer.encode("the answer");
    expect(tokenizer.decode([...ids, 9000, -1])).toBe("the answer");
    expect(tokenizer.decode([])).toBe("");
  });
});

it("never truncates or pads, whatever the file asks for", () => {
  const json = {
    ...defaultJson(),
    truncation: { max_length: 4, strategy: "LongestFirst", stride: 0, direction: "Right" },
    padding: { strategy: { Fixed: 64 }, direction: "Right", pad_id: 0, pad_type_id: 0, pad_token: "[PAD]" },
  };
  const tokenizer = loadTokenizer(written("truncating.json", json));
  const { ids } = tokenizer.encode("one two three four five six");
  expect(ids).toEqual(loadTokenizer(defaultTokenizerPath).encode("one two three four five six").ids);
});

it("takes the roles of tokens from tokenizer_config.json beside the file", () => {
  const model = join(folder, "model");
  mkdirSync(model);
  writeFileSync(join(model, "tokenizer.json"), readFileSync(fixture("byte-level.tokenizer.json")));
  const usual = loadTokenizer(model);
  expect(usual.specialTokens).toEqual({ pad: 0, eos: 0 });
  writeFileSync(
    join(model, "tokenizer_config.json"),
    JSON.stringify({
      bos_token: "<|im_start|>",
      eos_token: { content: "<|im_end|>", lstrip: false },
      pad_token: null,
    }),
  );
  expect(loadTokenizer(model).specialTokens).toEqual({ bos: 1, eos: 2 });
});

it("takes sections that are left out for null", () => {
  const { model } = defaultJson();
  expect(
    Array.from(
      loadTokenizer(written("model-only.json", { model })).encode("the", { addSpecialTokens: false }).ids,
    ),
  ).toEqual([loadTokenizer(defaultTokenizerPath).tokenId("the")]);
});

describe("what is refused", () => {
  const vocab = { "[UNK]": 0, a: 1 };
  const wordPiece = { type: "WordPiece", unk_token: "[UNK]", vocab };
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ["not JSON", Buffer.from("{"), /is not JSON/],
    ["an empty file", Buffer.alloc(0), /is not JSON/],
    ["broken UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /is not valid UTF-8/],
    ["a list", [], /not a JSON object/],
    ["no model", { version: "1.0" }, /section model is missing/],
    ["a model without type", { model: { vocab } }, /model\.type is missing/],
    ["an unknown model", { model: { ...wordPiece, type: "Abacus" } }, /"Abacus", expected one of WordPiece/],
    ["no vocabulary", { model: { type: "WordPiece", unk_token: "[UNK]" } }, /model\.vocab is missing/],
    ["an empty vocabulary", { model: { ...wordPiece, vocab: {} } }, /model\.vocab is empty/],
    ["a negative id", { model: { ...wordPiece, vocab: { "[UNK]": -1 } } }, /id of "\[UNK\]" is -1/],
    ["an id twice", { model: { ...wordPiece, vocab: { "[UNK]": 0, a: 0 } } }, /"\[UNK\]" and "a" share id 0/],
    ["an unknown token outside", { model: { ...wordPiece, unk_token: "<unk>" } }, /unk_token is "<unk>"/],
    ["a BPE without merges", { model: { type: "BPE", vocab } }, /model\.merges is missing/],
    ["a Unigram without list", { model: { type: "Unigram", vocab } }, /\[piece, score\]/],
    ["a stage without type", { model: wordPiece, decoder: {} }, /section decoder is \{\}/],
    ["an unknown stage", { model: wordPiece, normalizer: { type: "Shout" } }, /is not supported: .*Shout/],
    ["added tokens of the wrong kind", { model: wordPiece, added_tokens: {} }, /added_tokens is not a list/],
    [
      "an added token without id",
      { model: wordPiece, added_tokens: [{ content: "x" }] },
      /added_tokens\[0\]/,
    ],
  ];

  function refusal(path: string): TuttiError {
    try {
      loadTokenizer(path);
    } catch (error) {
      if (TuttiError.is(error)) return error;
      throw error;
    }
    return expect.fail(`${path} was accepted`);
  }

  it.each(cases)("%s", (name, content, message) => {
    const path = written(`${name.replaceAll(" ", "-")}.json`, content);
    const error = refusal(path);
    expect(error.code).toBe("TOKENIZER_INVALID");
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(path)).toBe(true);
  });

  it("a missing file, and a folder without tokenizer.json", () => {
    for (const path of [join(folder, "absent.json"), folder]) {
      expect(refusal(path)).toMatchObject({ code: "TOKENIZER_INVALID" });
      expect(refusal(path).message).toMatch(/could not be read/);
    }
  });
});

const miniLm = fileURLToPath(new URL("../../.cache/models/all-MiniLM-L6-v2", import.meta.url));

it.skipIf(!existsSync(miniLm))("MiniLM's own tokenizer loads (tools/fetch-models.ts fetches it)", () => {
  const tokenizer = loadTokenizer(miniLm);
  expect(tokenizer.vocabularySize).toBe(30522);
  expect(tokenizer.specialTokens).toEqual({ pad: 0, unk: 100, cls: 101, sep: 102, mask: 103 });
  // The first ids of BERT's uncased vocabulary for this sentence are well known.
  expect(Array.from(tokenizer.encode("Hello, world!").ids)).toEqual([101, 7592, 1010, 2088, 999, 102]);
});
