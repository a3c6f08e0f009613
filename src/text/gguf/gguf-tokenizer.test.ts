import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { TuttiError } from "../../support/errors.ts";
import { defaultTokenizerPath, loadTokenizer, type Tokenizer, tokenizerFromGguf } from "../tokenizer.ts";
import type { TokenizerMetadata } from "./metadata.ts";
import { PRE_TOKENIZERS, preTokenizerOf } from "./pre-tokenizers.ts";
import { ggufChatTemplate, readGgufTokenizer } from "./read.ts";
import { ggufTokenizerMetadata } from "./write.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/text/${name}`, import.meta.url));
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

function errorOf(action: () => unknown): TuttiError {
  try {
    action();
  } catch (error) {
    if (TuttiError.is(error)) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

interface Recorded {
  readonly text: string;
  readonly ids: readonly number[];
}

/** The tokenizer that comes back after its tokenizer.json was put into GGUF metadata. */
function throughGguf(path: string, config: Record<string, unknown> = {}): Tokenizer {
  return tokenizerFromGguf("test.gguf", ggufTokenizerMetadata(readJson(path), config));
}

describe("a tokenizer taken through GGUF gives the ids of Python's tokenizers", () => {
  it.each([
    ["byte-level BPE", fixture("byte-level.tokenizer.json"), "byte-level.json"],
    ["BPE with byte fallback", fixture("byte-fallback.tokenizer.json"), "byte-fallback.json"],
    ["WordPiece", defaultTokenizerPath, "tokenizer.json"],
  ])("%s", (_, path, recorded) => {
    const tokenizer = throughGguf(path);
    const rows = readJson(fixture(recorded)) as Recorded[];
    expect(rows.length).toBeGreaterThan(100);
    for (const { text, ids } of rows) expect([...tokenizer.encode(text).ids], text).toEqual(ids);
  });
});

describe("special tokens", () => {
  const metadata = ggufTokenizerMetadata(readJson(fixture("byte-level.tokenizer.json")), {
    bos_token: "<|im_start|>",
    eos_token: "<|im_end|>",
    pad_token: null,
    chat_template: "{{ messages }}",
  });

  it("keep their roles", () => {
    const tokenizer = tokenizerFromGguf("test.gguf", metadata);
    expect(tokenizer.specialTokens).toEqual(loadTokenizerRoles(["<|im_start|>", "<|im_end|>"], tokenizer));
    expect(readGgufTokenizer("test.gguf", metadata).tokenizerConfig).toMatchObject({
      bos_token: "<|im_start|>",
      eos_token: "<|im_end|>",
      pad_token: null,
    });
  });

  it("are recognised in the text and left out of the decoded text", () => {
    const tokenizer = tokenizerFromGguf("test.gguf", metadata);
    const { ids } = tokenizer.encode("<|im_start|>a");
    expect(ids[0]).toBe(tokenizer.tokenId("<|im_start|>"));
    expect(tokenizer.decode(ids)).toBe("a");
  });

  it("come with the chat template", () => {
    expect(ggufChatTemplate(metadata)).toBe("{{ messages }}");
    expect(ggufChatTemplate(new Map())).toBeUndefined();
  });

  it("begin and end a text as the file says", () => {
    const changed = new Map<string, { readonly value: unknown }>(metadata);
    changed.set("tokenizer.ggml.add_bos_token", { value: true });
    changed.set("tokenizer.ggml.add_eos_token", { value: true });
    const tokenizer = tokenizerFromGguf("test.gguf", changed);
    const plain = [...tokenizer.encode("a b", { addSpecialTokens: false }).ids];
    const { bos, eos } = tokenizer.specialTokens;
    expect([...tokenizer.encode("a b").ids]).toEqual([bos, ...plain, eos]);
  });
});

function loadTokenizerRoles(
  [bos, eos]: readonly [string, string],
  tokenizer: Tokenizer,
): Tokenizer["specialTokens"] {
  const [bosId, eosId] = [tokenizer.tokenId(bos), tokenizer.tokenId(eos)];
  expect(bosId).toBeDefined();
  return { bos: bosId!, eos: eosId! };
}

describe("pre-tokenizers", () => {
  it("have one name each, and are found by their section", () => {
    const names = PRE_TOKENIZERS.flatMap((entry) => entry.names);
    expect(new Set(names).size).toBe(names.length);
    for (const { section, ignoreMerges } of PRE_TOKENIZERS) {
      expect(preTokenizerOf(section, ignoreMerges)?.section).toEqual(section);
    }
  });

  it("are found in the spelling of released files", () => {
    const pattern =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
      "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    const section = {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    };
    expect(preTokenizerOf(section, false)?.names[0]).toBe("qwen2");
  });
});

describe("rows beyond the tokens", () => {
  const json = readJson(fixture("byte-level.tokenizer.json"));
  const { vocabularySize } = loadTokenizer(fixture("byte-level.tokenizer.json"));

  it("get tokens of their own that no text contains", () => {
    const metadata = ggufTokenizerMetadata(json, {}, vocabularySize + 8);
    const tokens = metadata.get("tokenizer.ggml.tokens")?.value as string[];
    expect(tokens.length).toBe(vocabularySize + 8);
    const kinds = metadata.get("tokenizer.ggml.token_type")?.value as Int32Array;
    expect([...kinds.slice(vocabularySize)]).toEqual(Array(8).fill(5));
  });

  it("must not be fewer than the tokens, nor absurdly many", () => {
    for (const size of [vocabularySize - 1, 2 ** 40]) {
      expect(errorOf(() => ggufTokenizerMetadata(json, {}, size)).code).toBe("TOKENIZER_MISMATCH");
    }
  });
});

describe("what makes no tokenizer", () => {
  const good = ggufTokenizerMetadata(readJson(fixture("byte-level.tokenizer.json")));
  const pieces = ggufTokenizerMetadata(readJson(fixture("byte-fallback.tokenizer.json")));
  const tokens = good.get("tokenizer.ggml.tokens")?.value as string[];
  const key = (name: string): string => `tokenizer.ggml.${name}`;

  it.each<readonly [string, TokenizerMetadata, string, unknown]>([
    ["no kind", good, "model", undefined],
    ["an unknown kind", good, "model", "rwkv"],
    ["a kind of the object's own", good, "model", "toString"],
    ["a kind that is a number", good, "model", 3],
    ["no tokens", good, "tokens", undefined],
    ["an empty list of tokens", good, "tokens", []],
    ["tokens that are numbers", good, "tokens", Int32Array.of(1, 2)],
    ["a token twice", good, "tokens", [...tokens.slice(0, -1), tokens[0]]],
    ["kinds for other tokens", good, "token_type", Int32Array.of(1)],
    ["kinds that are text", good, "token_type", ["1"]],
    ["no pre-tokenizer", good, "pre", undefined],
    ["an unknown pre-tokenizer", good, "pre", "somebody's"],
    ["no merges", good, "merges", undefined],
    ["a merge of one token", good, "merges", ["a"]],
    ["a merge of unknown tokens", good, "merges", ["never seen"]],
    ["a merge to an unknown token", good, "merges", ["Ġ Ġ", "! Ą"]],
    ["a bos token beyond the tokens", good, "bos_token_id", tokens.length],
    ["a bos token that is text", good, "bos_token_id", "<s>"],
    ["a flag that is a number", good, "add_bos_token", 1],
    ["no scores", pieces, "scores", undefined],
    ["scores for other tokens", pieces, "scores", Float32Array.of(1)],
    ["a space prefix that is text", pieces, "add_space_prefix", "yes"],
  ])("%s", (_, metadata, name, value) => {
    const changed = new Map<string, { readonly value: unknown }>(metadata);
    if (value === undefined) changed.delete(key(name));
    else changed.set(key(name), { value });
    const error = errorOf(() => tokenizerFromGguf("test.gguf", changed));
    expect(error.code).toBe("TOKENIZER_INVALID");
    expect(error.message).toContain("test.gguf");
  });

  it.each([
    ["not a tokenizer", {}],
    ["an unknown pre-tokenizer", { pre_tokenizer: { type: "Whitespace" } }],
    ["an unknown normaliser", { normalizer: { type: "Lowercase" } }],
    ["a unigram model", { model: { type: "Unigram", vocab: [["a", 0]], unk_id: 0 } }],
  ])("is not written: %s", (name, change) => {
    const json =
      name === "not a tokenizer"
        ? change
        : { ...(readJson(fixture("byte-level.tokenizer.json")) as object), ...change };
    expect(errorOf(() => ggufTokenizerMetadata(json)).code).toBe("TOKENIZER_INVALID");
  });
});
