/** `tutti model pull`, `list`, `inspect` and `convert` as a person runs them, against a hub on this machine. */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCausalModel } from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { type HubServer, REPOSITORY, startHub } from "../hub/hub-server.ts";
import { finish, start } from "../support/command.ts";
import { FIXTURES } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-model-files-"));
const TOKEN = "hf_very_secret_token";
const CONFIG = {
  model_type: "llama",
  vocab_size: 600,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};
let hub: HubServer;

beforeAll(async () => {
  const parameters = initialiseParameters(createCausalModel(CONFIG).specs, 3);
  const weights = join(folder, "weights.safetensors");
  writeSafetensors(
    weights,
    Object.entries(parameters).map(([name, { shape, data }]) => ({
      name,
      dtype: "F32" as const,
      shape,
      data,
    })),
  );
  const file = (path: string) => ({ content: readFileSync(path) });
  hub = await startHub({
    "config.json": { content: Buffer.from(JSON.stringify(CONFIG)) },
    "tokenizer.json": file(join(FIXTURES, "text/byte-level.tokenizer.json")),
    "tokenizer_config.json": { content: Buffer.from(JSON.stringify({ eos_token: null })) },
    "model.safetensors": { ...file(weights), isLarge: true },
  });
  process.env.HF_ENDPOINT = hub.endpoint;
  process.env.HF_HUB_CACHE = join(folder, "cache");
  process.env.HF_TOKEN = TOKEN;
});
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});

const model = async (...args: string[]) => {
  const result = await finish(start("model", ...args));
  expect(result.stdout + result.stderr).not.toContain(TOKEN);
  return result;
};
const REFERENCE = `hf:${REPOSITORY}`;

test("a model is pulled, listed, checked and mended", async () => {
  const pulled = await model("pull", REFERENCE);
  expect(pulled.stderr).toMatch(/4 files, .* MB fetched/);
  expect(pulled.code).toBe(0);
  const path = pulled.stdout.trim();
  expect(existsSync(join(path, "model.safetensors"))).toBe(true);
  expect((await model("pull", REFERENCE)).stderr).toContain("nothing to fetch");
  const listed = await model("list", "--verify");
  expect(listed.stdout).toMatch(/^hf:band\/tiny {2}main .* 4 files .* whole$/m);
  expect(listed.code).toBe(0);

  copyFileSync(join(path, "config.json"), join(path, "model.safetensors"));
  const damaged = await model("list", "--repair");
  expect(damaged.stdout).toContain("1 damaged");
  expect(damaged.code).toBe(1);
  expect((await model("pull", REFERENCE)).stderr).toMatch(/MB fetched/);
  expect((await model("list", "--verify")).code).toBe(0);
});

test("a model is inspected", async () => {
  const table = await model("inspect", REFERENCE, "--tensors");
  expect(table.stdout).toMatch(/^family +llama$/m);
  expect(table.stdout).toMatch(/^stored as +F32 100%$/m);
  expect(table.stdout).toMatch(/^Tutti +generates with it and trains it$/m);
  expect(table.stdout).toMatch(/^F32 +\[600,32\] +model\.embed_tokens\.weight$/m);
  const json = JSON.parse((await model("inspect", REFERENCE, "--json")).stdout);
  expect(json).toMatchObject({ modelType: "llama", layers: 2, support: { kind: "decoder" } });
});

test("a model is converted to GGUF and back, and generates the same", async () => {
  const gguf = join(folder, "tiny.gguf");
  const there = await model("convert", REFERENCE, "--to", "gguf", "--dtype", "f32", "--out", gguf);
  expect(there.stderr).toMatch(/20 tensors as F32/);
  expect(there.code).toBe(0);
  const back = join(folder, "back");
  expect((await model("convert", gguf, "--to", "safetensors", "--out", back)).code).toBe(0);
  expect(readdirSync(back).sort()).toEqual([
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  const greedy = ["Hello", "--max-tokens", "8", "--temperature", "0", "--threads", "1"];
  const [first, second] = [
    await model("generate", REFERENCE, ...greedy),
    await model("generate", back, ...greedy),
  ];
  expect(first.code).toBe(0);
  expect(second.stdout).toBe(first.stdout);
});

test("what goes wrong is said in a sentence", async () => {
  writeFileSync(join(folder, "taken.gguf"), "");
  const cases: [string[], number, string][] = [
    [["pull", "./model"], 2, "expected a model of the hub"],
    [["pull", "hf:band/none"], 1, "band/none"],
    [["convert", REFERENCE, "--to", "gguf", "--dtype", "q3_k", "--out", "x.gguf"], 2, "q8_0"],
    [["convert", REFERENCE, "--to", "gguf", "--out", join(folder, "taken.gguf")], 2, "exists already"],
    [["inspect", join(folder, "none")], 1, "FILE_NOT_FOUND"],
  ];
  for (const [args, code, words] of cases) {
    const result = await model(...args);
    expect(result.stderr).toContain(words);
    expect(result.code, result.stderr).toBe(code);
  }
});

test("without the network the cache serves, and says so where it cannot", async () => {
  process.env.HF_HUB_OFFLINE = "1";
  try {
    expect((await model("inspect", REFERENCE)).code).toBe(0);
    const missing = await model("pull", "hf:band/other");
    expect(missing.stderr).toMatch(/HF_HUB_OFFLINE/);
    expect(missing.code).not.toBe(0);
  } finally {
    delete process.env.HF_HUB_OFFLINE;
  }
});
