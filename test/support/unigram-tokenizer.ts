/** The small T5 tokenizer of the fixtures, which lie compressed: its charsmap is large. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { FIXTURES } from "./fixtures.ts";

export function unigramTokenizerJson(): Buffer {
  return gunzipSync(readFileSync(join(FIXTURES, "text/unigram.tokenizer.json.gz")));
}

/** Writes tokenizer.json and tokenizer_config.json into a folder. */
export function writeUnigramTokenizer(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "tokenizer.json"), unigramTokenizerJson());
  const config = { eos_token: "</s>", pad_token: "<pad>", unk_token: "<unk>", extra_ids: 8 };
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(config));
}
