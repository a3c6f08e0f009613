/** 10,000 mixed texts through every kind of tokenizer, beside Python's tokenizers and llama.cpp. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadTokenizer, type Tokenizer, tokenizerFromGguf } from "../../src/text/index.ts";
import { openGgufModel } from "../../src/weights/index.ts";
import { fixtureJson } from "../support/fixtures.ts";
import { mixedTexts } from "../support/tokenizer-corpus.ts";
import { writeUnigramTokenizer } from "../support/unigram-tokenizer.ts";

const ROOT = join(import.meta.dirname, "../..");
const FILES: Readonly<Record<string, string>> = {
  "byte-level": "fixtures/text/byte-level.tokenizer.json",
  "byte-fallback": "fixtures/text/byte-fallback.tokenizer.json",
  default: "assets/tokenizer/tokenizer.json",
  minilm: ".cache/models/all-MiniLM-L6-v2/tokenizer.json",
  smollm2: ".cache/models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf",
  gemma3: ".cache/models/gemma-3-270m-GGUF/gemma-3-270m-q4_k_m.gguf",
};
const BLOCK = 100;
interface Recorded {
  readonly tokens: number;
  readonly ids: readonly string[];
  readonly decoded?: readonly string[];
}
const recorded: Readonly<Record<string, Recorded>> = {
  ...fixtureJson<Record<string, Recorded>>("text/tokenizer-parity.json"),
  unigram: fixtureJson<Recorded>("text/unigram-parity.json"),
};
const texts = mixedTexts(10_000);

function open(path: string): Tokenizer {
  if (!path.endsWith(".gguf")) return loadTokenizer(path);
  const model = openGgufModel(path);
  try {
    return tokenizerFromGguf(path, model.metadata);
  } finally {
    model.close();
  }
}

const digestOf = (block: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(block)).digest("hex").slice(0, 12);

function digests(rows: readonly unknown[]): string[] {
  const blocks = Math.ceil(rows.length / BLOCK);
  return Array.from({ length: blocks }, (_, index) =>
    digestOf(rows.slice(index * BLOCK, (index + 1) * BLOCK)),
  );
}

const scratch = mkdtempSync(join(tmpdir(), "tutti-tokenizers-"));
afterAll(() => rmSync(scratch, { recursive: true }));
writeUnigramTokenizer(scratch);

describe.each([...Object.entries(FILES), ["unigram", scratch]] as const)("%s", (name, file) => {
  const path = resolve(ROOT, file);
  // Weights are not ours to ship: npx tsx tools/fetch-models.ts
  test.skipIf(!existsSync(path))("ids and decoded texts", { timeout: 120_000 }, () => {
    const tokenizer = open(path);
    const ids = texts.map((text) => [...tokenizer.encode(text, { addSpecialTokens: false }).ids]);
    expect(ids.reduce((sum, row) => sum + row.length, 0)).toBe(recorded[name]!.tokens);
    expect(digests(ids)).toEqual(recorded[name]!.ids);
    const decoded = ids.map((row) => tokenizer.decode(row, { skipSpecialTokens: false }));
    if (recorded[name]!.decoded) expect(digests(decoded)).toEqual(recorded[name]!.decoded);
  });
});
