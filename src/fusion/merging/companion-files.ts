/** The files that go with merged weights, as they are with the base: tokenizer, templates, settings, licence. */
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { configJsonText, type HuggingFaceConfig } from "../../models/config.ts";
import { readModelConfig } from "../../models/config-file.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import type { MergeDType } from "./request.ts";

const COMPANIONS = [
  /^(generation_config|preprocessor_config)\.json$/,
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json$/,
  /^(vocab|merges)\.txt$/,
  /^(tokenizer|spiece|sentencepiece\.bpe)\.model$/,
  /^chat_template\.jinja$/,
  /^(LICEN[CS]E|NOTICE|USE_POLICY)([._-][\w.-]+)?$/i,
];

const TORCH_DTYPES: Readonly<Record<MergeDType, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/** Copies what is there; returns the names. */
export function copyCompanions(from: string, to: string): string[] {
  const names = readdirSync(from).filter((name) => COMPANIONS.some((pattern) => pattern.test(name)));
  for (const name of names) copyFileSync(join(from, name), join(to, name));
  return names.sort();
}

/** Writes the base's config.json, naming the type of the weights where it has changed. */
export function writeConfig(from: string, to: string, dtype: MergeDType | undefined): void {
  const path = join(from, "config.json");
  if (dtype === undefined) {
    copyFileSync(path, join(to, "config.json"));
    return;
  }
  const { torch_dtype: _, ...config } = readModelConfig(path, "give a model's folder") as HuggingFaceConfig;
  writeFileAtomic(join(to, "config.json"), configJsonText({ ...config, dtype: TORCH_DTYPES[dtype] }));
}
