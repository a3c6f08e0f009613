/** The manifest of an exported model: what it says, and that a changed folder is refused. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportOnnx, readExportManifest } from "../../src/export/index.ts";
import { writeModelFolder } from "../support/model-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-manifest-"));
const source = join(folder, "tiny");
const exported = join(folder, "exported");
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = {
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  vocab_size: 96,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 64,
};

beforeAll(async () => {
  writeModelFolder(source, CONFIG, 1);
  writeFileSync(join(source, "chat_template.jinja"), "{{ messages[0].content }}");
  writeFileSync(join(source, "generation_config.json"), '{"eos_token_id": 3}');
  await exportOnnx(source, exported, { hasPast: true, isExternal: true, sourceName: "hf:example/tiny@v1" });
});

test("it says what the files are, what goes in and out, and where it comes from", async () => {
  const manifest = await readExportManifest(exported);
  const past = ["key", "value"].map((kind) => ({
    name: `past_key_values.0.${kind}`,
    dtype: "float32",
    shape: ["batch_size", 2, "past_sequence_length", 16],
  }));
  expect(manifest).toMatchObject({
    format: "tutti-onnx-export",
    formatVersion: 1,
    task: "text-generation",
    hasPast: true,
    family: "decoder",
    modelType: "llama",
    contextTokens: 64,
    operatorSets: { "": 17 },
    weights: { dtype: "f32", isExternal: true },
    source: { name: "hf:example/tiny@v1", architectures: ["LlamaForCausalLM"] },
    inputs: [
      { name: "input_ids", dtype: "int64", shape: ["batch_size", "sequence_length"] },
      {
        name: "attention_mask",
        dtype: "int64",
        shape: ["batch_size", "past_sequence_length + sequence_length"],
      },
      ...past,
    ],
    outputs: [
      { name: "logits", dtype: "float32", shape: ["batch_size", "sequence_length", 96] },
      ...past.map(({ name, dtype }) => ({
        name: name.replace("past_key_values", "present"),
        dtype,
        shape: ["batch_size", 2, "past_sequence_length + sequence_length", 16],
      })),
    ],
  });
  expect(manifest.source.files.map(({ name }) => name)).toEqual(["config.json", "model.safetensors"]);
  const named = [...manifest.files.map(({ name }) => name), "manifest.json"].sort();
  expect(readdirSync(exported).sort()).toEqual(named);
  expect(named).toEqual(expect.arrayContaining(["chat_template.jinja", "generation_config.json"]));
});

const readManifest = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(path, "manifest.json"), "utf8"));

const CHANGES: readonly (readonly [string, string, RegExp, (path: string) => void])[] = [
  [
    "a changed byte",
    "EXPORT_INVALID",
    /model\.onnx\.data was changed: its sha256/,
    (path) => {
      const file = join(path, "model.onnx.data");
      const bytes = readFileSync(file);
      bytes[100]! ^= 1;
      writeFileSync(file, bytes);
    },
  ],
  [
    "a longer file",
    "EXPORT_INVALID",
    /tokenizer\.json must have \d+ bytes, found \d+/,
    (path) => appendFileSync(join(path, "tokenizer.json"), " "),
  ],
  ["a missing file", "EXPORT_INVALID", /found no file/, (path) => rmSync(join(path, "model.onnx"))],
  [
    "no manifest",
    "FILE_NOT_FOUND",
    /manifest\.json is missing/,
    (path) => rmSync(join(path, "manifest.json")),
  ],
  ["no JSON", "EXPORT_INVALID", /is no JSON/, (path) => writeFileSync(join(path, "manifest.json"), "{")],
  [
    "null",
    "EXPORT_INVALID",
    /"format" must be/,
    (path) => writeFileSync(join(path, "manifest.json"), "null"),
  ],
  ...(
    [
      ["another format", /"format" must be/, { format: "other" }],
      ["a later version", /"formatVersion" must be 1, found 2/, { formatVersion: 2 }],
      [
        "a path out of the folder",
        /"files" is not/,
        { files: [{ name: "../x", bytes: 1, sha256: "0".repeat(64) }] },
      ],
      ["no files", /"files" is not/, { files: [] }],
      ["inputs of another kind", /"inputs" is not/, { inputs: [{ name: 3 }] }],
      ["a model file that is not listed", /is not among "files"/, { model: "other.onnx" }],
    ] as const
  ).map(
    ([name, message, change]) =>
      [
        name,
        "EXPORT_INVALID",
        message,
        (path: string) =>
          writeFileSync(join(path, "manifest.json"), JSON.stringify({ ...readManifest(path), ...change })),
      ] as const,
  ),
];

test.each(CHANGES)("%s is refused", async (name, code, message, change) => {
  const path = join(folder, `changed ${name}`);
  cpSync(exported, path, { recursive: true });
  change(path);
  const failure = await readExportManifest(path).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
});

test("the same model gives the same bytes", async () => {
  const again = join(folder, "again");
  await exportOnnx(source, again, { hasPast: true, isExternal: true, sourceName: "hf:example/tiny@v1" });
  for (const file of readdirSync(exported)) {
    expect(readFileSync(join(again, file)).equals(readFileSync(join(exported, file))), file).toBe(true);
  }
});

test("an export that fails leaves nothing behind", async () => {
  const broken = writeModelFolder(join(folder, "broken"), CONFIG, 1);
  writeFileSync(join(broken, "config.json"), JSON.stringify({ ...CONFIG, attention_bias: true }));
  const out = join(folder, "never");
  await expect(exportOnnx(broken, out)).rejects.toMatchObject({ code: "WEIGHTS_MISMATCH" });
  const stop = new Error("enough");
  const failing = exportOnnx(source, out, {
    onTensor: (done) => {
      if (done === 5) throw stop;
    },
  });
  await expect(failing).rejects.toThrow("enough");
  expect(readdirSync(folder).filter((name) => name.startsWith("never"))).toEqual([]);
  mkdirSync(out);
  await expect(exportOnnx(source, out)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(existsSync(join(out, "model.onnx"))).toBe(false);
});
