/** `tutti model export` as a person runs it, on a tiny random model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readExportManifest } from "../../src/export/index.ts";
import { tutti } from "../support/command.ts";
import { ExportedModel } from "../support/exported-model.ts";
import { writeModelFolder } from "../support/model-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-export-cli-"));
const source = join(folder, "tiny");
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = {
  model_type: "qwen2",
  vocab_size: 1024,
  hidden_size: 64,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 4096,
};
beforeAll(() => {
  writeModelFolder(source, CONFIG, 3);
});

test("a model is exported, told of, and runs", async () => {
  const out = join(folder, "out");
  const flags = ["--out", out, "--dtype", "int8", "--external", "--with-past", "--context", "512"];
  const result = await tutti("model", "export", source, ...flags);
  expect(result.stderr).toMatch(/exporting: \d+ tensors/);
  expect(result.stderr).toMatch(/text-generation with past, int8, 512 positions, 0\.\d MB, error 0\.\d\d%/);
  expect(result.stderr).toContain("model.onnx.data, model.onnx, tokenizer.json");
  expect(result.stdout).toBe(`${out}\n`);
  expect(result.code).toBe(0);
  const manifest = await readExportManifest(out);
  expect(manifest).toMatchObject({ contextTokens: 512, source: { name: "tiny" } });
  const model = await ExportedModel.open(out);
  const { logits } = await model.run({ shape: [1, 3], ids: [1, 2, 3], mask: [1, 1, 1] }, model.emptyPast(1));
  await model.close();
  expect(logits!.dims).toEqual([1, 3, 1024]);
});

test("what goes wrong is said in a sentence", async () => {
  const cases: [string[], number, string][] = [
    [[join(folder, "none"), "--out", join(folder, "x")], 1, "FILE_NOT_FOUND"],
    [[source, "--out", source], 2, "exists already"],
    [[source, "--out", join(folder, "x"), "--dtype", "int3"], 2, "Allowed choices are f32, f16, int8"],
    [[source, "--out", join(folder, "x"), "--task", "fill-mask"], 2, "they allow text-generation"],
    [[source, "--out", join(folder, "x"), "--context", "0"], 2, "--context"],
    [[source], 2, "--out"],
  ];
  for (const [args, code, words] of cases) {
    const result = await tutti("model", "export", ...args);
    expect(result.stderr).toContain(words);
    expect(result.code).toBe(code);
  }
});
