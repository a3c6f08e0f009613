/** `tutti model generate` and `tutti model chat` as a person runs them, on a tiny random model. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GeneratedAnswer } from "../../src/generate/index.ts";
import { createCausalModel, createSeq2SeqModel, saveSeq2SeqModel } from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { COMMAND, ROOT } from "../support/command.ts";
import { FIXTURES } from "../support/fixtures.ts";
import { writeUnigramTokenizer } from "../support/unigram-tokenizer.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-model-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = {
  model_type: "llama",
  vocab_size: 1024,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 100_000,
  initializer_range: 0.4,
  tie_word_embeddings: true,
};
const TEMPLATE =
  "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

beforeAll(() => {
  writeFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  copyFileSync(join(FIXTURES, "text/byte-level.tokenizer.json"), join(folder, "tokenizer.json"));
  writeTokenizerConfig(TEMPLATE);
  const parameters = initialiseParameters(createCausalModel(CONFIG).specs, 3);
  writeSafetensors(
    join(folder, "model.safetensors"),
    Object.entries(parameters).map(([name, { shape, data }]) => ({
      name,
      dtype: "F32" as const,
      shape,
      data,
    })),
  );
});

const writeTokenizerConfig = (template: string | undefined): void =>
  writeFileSync(
    join(folder, "tokenizer_config.json"),
    JSON.stringify({ eos_token: null, ...(template && { chat_template: template }) }),
  );

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [...COMMAND, "model", ...args], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "pipe"],
  });
}

async function finish(child: ChildProcess, input = "") {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk) => {
    stdout += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    stderr += String(chunk);
  });
  child.stdin?.end(input);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

const SAMPLING = ["--max-tokens", "12", "--temperature", "1.2", "--seed", "7", "--threads", "1"];

test("an answer is streamed, is the same for the same seed, and the same as JSON", async () => {
  const [first, second, json] = [
    await finish(start("generate", folder, "Hello world", ...SAMPLING)),
    await finish(start("generate", folder, ...SAMPLING), "Hello world"),
    await finish(start("generate", folder, "Hello world", ...SAMPLING, "--json", "--logprobs", "2")),
  ];
  expect(first.code).toBe(0);
  expect(first.stderr).toMatch(/12 tokens \(length\)/);
  expect(first.stderr).toMatch(/loading: \d+ tensors/);
  expect(second.stdout).toBe(first.stdout);
  const [answer] = JSON.parse(json.stdout) as GeneratedAnswer[];
  expect(`${answer!.text}\n`).toBe(first.stdout);
  expect(answer!.tokens.length).toBe(12);
  expect(answer!.tokens[0]!.top!.length).toBe(2);
  expect(answer!.tokens[0]!.logProbability).toBeLessThan(0);
});

test("several samples in 8 bits; a chat of two turns", async () => {
  const samples = await finish(start("generate", folder, "Hi", "--samples", "3", "--bits", "8", ...SAMPLING));
  expect(samples.stdout).toMatch(/^\[1\] [\s\S]*\n\[2\] [\s\S]*\n\[3\] /);
  expect(samples.stderr).toMatch(/error 0\.\d\d% of the weights/);
  const chat = await finish(start("chat", folder, "--system", "Sing.", ...SAMPLING), "Hello\nAgain\n/exit\n");
  expect(chat.code).toBe(0);
  expect(chat.stderr.match(/the answer reached its length/g)?.length).toBe(2);
});

test("Ctrl-C ends the answer cleanly", async () => {
  const child = start("generate", folder, "Hello", "--context", "60000");
  const ended = finish(child);
  child.stdout!.once("data", () => child.kill("SIGINT"));
  const { code, stderr, stdout } = await ended;
  expect(code).toBe(130);
  expect(stdout.length).toBeGreaterThan(0);
  expect(stderr).toMatch(/tokens \(aborted\)/);
  expect(stderr).toContain("INTERRUPTED");
});

test("what goes wrong is said in a sentence", async () => {
  writeTokenizerConfig(undefined);
  const cases: [string[], number, string][] = [
    [["generate", join(folder, "none"), "x"], 1, "FILE_NOT_FOUND"],
    [["generate", folder, "x", "--bits", "5"], 2, "--bits"],
    [["generate", folder, "x", "--temperature", "hot"], 2, "expected a number"],
    [["generate", folder, "x", "--top-p", "2"], 2, "topP"],
    [["chat", folder], 1, "no chat template"],
  ];
  for (const [args, code, words] of cases) {
    const result = await finish(start(...args));
    expect(result.stderr).toContain(words);
    expect(result.code).toBe(code);
  }
  writeTokenizerConfig(TEMPLATE);
});

test("an encoder-decoder generates from plain text; chat says that it has no template", async () => {
  const path = join(folder, "t5");
  const config = {
    model_type: "t5",
    vocab_size: 617,
    d_model: 32,
    d_kv: 8,
    d_ff: 48,
    num_layers: 2,
    num_heads: 4,
  };
  const model = createSeq2SeqModel(config);
  saveSeq2SeqModel(path, { model, parameters: initialiseParameters(model.specs, 3), config });
  writeUnigramTokenizer(path);
  const [answer, chat, inspected] = [
    await finish(start("generate", path, "Which instrument does Oslo play?", ...SAMPLING, "--json")),
    await finish(start("chat", path)),
    await finish(start("inspect", path, "--json")),
  ];
  expect(answer.code).toBe(0);
  const [{ tokens, finishReason }] = JSON.parse(answer.stdout) as [GeneratedAnswer];
  expect(finishReason === "stop" || tokens.length === 12).toBe(true);
  expect(chat.code).not.toBe(0);
  expect(chat.stderr).toContain("encoder-decoder (t5) that has no chat template");
  expect(JSON.parse(inspected.stdout)).toMatchObject({
    modelType: "t5",
    tokenizer: "Unigram",
    support: { kind: "encoder-decoder" },
  });
});
