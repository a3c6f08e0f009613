/** `tutti model generate` on the folder of a tiny checkpoint, and what it says of folders that are none. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCausalModel } from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { saveParameters } from "../../src/train/checkpoint.ts";
import { ROOT, tutti } from "../support/command.ts";

const CONFIG = {
  model_type: "llama",
  vocab_size: 600,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  initializer_range: 0.3,
  tie_word_embeddings: true,
  eos_token_id: 0,
};
const TEMPLATE =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";

const root = mkdtempSync(join(tmpdir(), "tutti-generate-"));
const folder = join(root, "model");
const generate = (...args: string[]) =>
  tutti("model", "generate", "--model", folder, "--max-tokens", "8", "--threads", "1", ...args);

beforeAll(() => {
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ chat_template: TEMPLATE }));
  copyFileSync(join(ROOT, "fixtures/text/byte-level.tokenizer.json"), join(folder, "tokenizer.json"));
  const parameters = initialiseParameters(createCausalModel(CONFIG).specs, 3);
  saveParameters(join(folder, "model.safetensors"), parameters, {});
});
afterAll(() => rmSync(root, { recursive: true }));

test("equal seeds give equal text, other seeds other text", { timeout: 60_000 }, async () => {
  const [first, again, other] = await Promise.all([
    generate("Hello"),
    generate("Hello"),
    generate("--seed", "1", "Hello"),
  ]);
  expect([first!.code, again!.code, other!.code]).toEqual([0, 0, 0]);
  expect(first!.stdout.trim()).not.toBe("");
  expect(again!.stdout).toBe(first!.stdout);
  expect(other!.stdout).not.toBe(first!.stdout);
  // The template wraps the prompt, so it is longer than the prompt alone.
  const raw = await generate("--raw", "Hello");
  const promptTokens = (text: string): number => Number(/(\d+) prompt tokens/.exec(text)![1]);
  expect(promptTokens(first!.stderr)).toBeGreaterThan(promptTokens(raw.stderr));
});

test("bad input says what is wrong", { timeout: 60_000 }, async () => {
  const [long, nowhere, system, hot] = await Promise.all([
    generate("word ".repeat(100)),
    tutti("model", "generate", "--model", join(root, "nowhere"), "Hello"),
    generate("--raw", "--system", "Be brief.", "Hello"),
    generate("--temperature", "hot", "Hello"),
  ]);
  expect(long!.stderr).toContain("the model has 64");
  expect(nowhere!.stderr).toContain("FILE_NOT_FOUND");
  expect(system!.stderr).toContain("--system needs a chat template");
  expect(hot!.stderr).toContain("temperature must be");
  expect([long!.code, nowhere!.code, system!.code, hot!.code]).toEqual([2, 1, 2, 2]);
});
