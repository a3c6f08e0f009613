/** Embeddings against sentence-transformers: every pooling mode, module and way to say so, on tiny random models. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadEmbeddingModel, TextEmbedder, type TextEmbedderOptions } from "../../src/embed/index.ts";
import { bertSpecs, parseBertConfig } from "../../src/models/index.ts";
import { initialiseParameters } from "../../src/nn/index.ts";
import { writeSafetensors } from "../../src/weights/index.ts";
import { expectAllClose } from "../support/fixtures.ts";
import { PIPELINES, pipelineCase, writeBackbone, writeCase, writeJson } from "./embedding-folders.ts";

const root = mkdtempSync(join(tmpdir(), "tutti-embed-"));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = (): string => join(root, String(folders++));

const { texts, cases } = PIPELINES;
const TOLERANCE = { absolute: 1e-5, relative: 1e-5 };

async function embed(
  folder: string,
  prompt: string | undefined,
  options: TextEmbedderOptions = {},
  wanted: readonly string[] = texts,
) {
  const embedder = await TextEmbedder.create(loadEmbeddingModel(folder), { threads: 1, ...options });
  const vectors = await embedder.embed(wanted, prompt === undefined ? {} : { prompt });
  await embedder.dispose();
  return vectors;
}

test.each(cases)("$name", async (recorded) => {
  const vectors = await embed(writeCase(newFolder(), recorded), recorded.prompt ?? undefined);
  for (const [index, expected] of recorded.embeddings.entries()) {
    expectAllClose(vectors[index]!, expected, TOLERANCE, JSON.stringify(texts[index]));
  }
});

const scaled = (vector: ArrayLike<number>): number[] => {
  const values = Array.from(vector);
  return values.map((value) => value / Math.hypot(...values));
};

test("a model alone: encoders take the mean, decoders the last token, both at length 1", async () => {
  for (const [backbone, like] of [
    ["bert", "bert mean"],
    ["qwen3", "qwen3 last token"],
  ] as const) {
    const { embeddings, prompt } = pipelineCase(like);
    // The decoder's case has a prompt, which a model alone has no name for.
    const given = texts.map((text) => (prompt ? `query: ${text}` : text));
    const vectors = await embed(writeBackbone(newFolder(), backbone), undefined, {}, given);
    for (const [index, expected] of embeddings.entries()) {
      expectAllClose(vectors[index]!, scaled(expected), TOLERANCE, `${backbone} ${index}`);
    }
  }
});

test("who shares a run changes nothing but rounding; order and empty lists are kept", async () => {
  const folder = writeCase(newFolder(), pipelineCase("bert all modes"));
  const many = Array.from({ length: 60 }, (_, index) => texts[(index * 7) % texts.length]!);
  const [together, alone] = [
    await embed(folder, undefined, {}, many),
    await embed(folder, undefined, { tokensPerRun: 1 }, many),
  ];
  expect(together.length).toBe(60);
  for (const [index, vector] of together.entries())
    expectAllClose(vector, alone[index]!, { absolute: 1e-6, relative: 1e-6 }, `text ${index}`);
  expect(await embed(folder, undefined, {}, [])).toEqual([]);
});

test("a text without a token is a vector of zeros", async () => {
  const { tokenizer } = PIPELINES.backbones.qwen3!;
  const bare = { ...tokenizer, post_processor: null };
  const recorded = pipelineCase("qwen3 mean");
  const folder = writeCase(newFolder(), recorded, { "tokenizer.json": bare });
  const [empty, full] = await embed(folder, undefined, {}, ["", "hall"]);
  expect([...empty!]).toEqual(new Array(32).fill(0));
  expect(Math.hypot(...full!)).toBeGreaterThan(0.1);
});

test("a text that is too long is cut at the end that the tokenizer names", async () => {
  const recorded = pipelineCase("bert older form");
  const cut = async (truncation_side: string): Promise<Float32Array> => {
    const tokenizerConfig = { ...PIPELINES.backbones.bert!.tokenizerConfig, truncation_side };
    const folder = writeCase(newFolder(), recorded, { "tokenizer_config.json": tokenizerConfig });
    const words = Array.from({ length: 30 }, (_, index) => (index < 15 ? "hall" : "note"));
    const [long, start, end] = await embed(folder, undefined, {}, [
      words.join(" "),
      new Array(10).fill("hall").join(" "),
      new Array(10).fill("note").join(" "),
    ]);
    expectAllClose(long!, truncation_side === "left" ? end! : start!, TOLERANCE, truncation_side);
    return long!;
  };
  expect(await cut("right")).not.toEqual(await cut("left"));
});

test("progress counts texts; an aborted signal ends the work", async () => {
  const folder = writeCase(newFolder(), pipelineCase("bert mean"));
  const embedder = await TextEmbedder.create(loadEmbeddingModel(folder), { threads: 1 });
  const counts: number[] = [];
  await embedder.embed(texts, { onProgress: (done, total) => counts.push(done / total) });
  expect(counts.at(-1)).toBe(1);
  expect([...counts].sort((a, b) => a - b)).toEqual(counts);
  const controller = new AbortController();
  const stopped = embedder.embed(texts, {
    signal: controller.signal,
    onProgress: (done) => done >= 2 && controller.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
  await embedder.dispose();
});

/** A BERT wide enough for blocks of 32 weights. */
function writeWideBert(folder: string): string {
  const { config } = PIPELINES.backbones.bert!;
  const wide = { ...config, hidden_size: 64, intermediate_size: 128 };
  writeBackbone(folder, "bert");
  writeJson(join(folder, "config.json"), wide);
  const parameters = initialiseParameters(bertSpecs(parseBertConfig(wide)), 5);
  writeSafetensors(
    join(folder, "model.safetensors"),
    Object.entries(parameters).map(([name, { shape, data }]) => ({
      name,
      dtype: "F32" as const,
      shape,
      data: name.endsWith(".weight") && shape.length === 2 ? data.map((value) => value * 5) : data,
    })),
  );
  return folder;
}

test("8 bits: the error is small, and a third of the memory is left", async () => {
  const folder = writeWideBert(newFolder());
  const [exact, narrow] = [loadEmbeddingModel(folder), loadEmbeddingModel(folder, { weightBits: 8 })];
  expect(exact.quantizationError).toBe(0);
  expect(narrow.quantizationError).toBeGreaterThan(0);
  expect(narrow.quantizationError).toBeLessThan(0.01);
  expect(narrow.weightBytes / exact.weightBytes).toBeLessThan(0.34);
  const vectors = [exact, narrow].map(async (model) => {
    const embedder = await TextEmbedder.create(model, { threads: 1 });
    const made = await embedder.embed(texts);
    await embedder.dispose();
    return made;
  });
  const [float, int8] = await Promise.all(vectors);
  for (const [index, vector] of float!.entries()) {
    const cosine = vector.reduce((sum, value, column) => sum + value * int8![index]![column]!, 0);
    expect(cosine, texts[index]!).toBeGreaterThan(0.999);
    expect(cosine, texts[index]!).toBeLessThan(1 - 1e-9);
  }
});

const POOLING = "1_Pooling/config.json";
const MODULES = "modules.json";
const dense = (changes: object) => ({
  in_features: 32,
  out_features: 12,
  activation_function: "torch.nn.modules.activation.Tanh",
  ...changes,
});

test.each<[string, Record<string, unknown>, string, string]>([
  [
    "bert mean",
    { [MODULES]: [] },
    "MODEL_CONFIG_UNSUPPORTED",
    "must begin with Transformer and Pooling, found nothing",
  ],
  ["bert mean", { [MODULES]: { type: "x" } }, "MODEL_CONFIG_UNSUPPORTED", "not a JSON array"],
  [
    "bert mean",
    { [MODULES]: [{ type: "a.Transformer", path: "../.." }] },
    "MODEL_CONFIG_UNSUPPORTED",
    "module 0",
  ],
  [
    "bert mean",
    {
      [MODULES]: ["Transformer", "Pooling", "LSTM"].map((name) => ({
        type: `st.${name}`,
        path: name === "Pooling" ? "1_Pooling" : "",
      })),
    },
    "MODEL_CONFIG_UNSUPPORTED",
    'module "LSTM" is not supported',
  ],
  ["bert mean", { [POOLING]: { pooling_mode: "median" } }, "MODEL_CONFIG_UNSUPPORTED", '"pooling_mode"'],
  [
    "bert mean",
    { "sentence_bert_config.json": { max_seq_length: 0 } },
    "MODEL_CONFIG_UNSUPPORTED",
    '"max_seq_length"',
  ],
  [
    "bert mean",
    { "config_sentence_transformers.json": { prompts: { q: 1 } } },
    "MODEL_CONFIG_UNSUPPORTED",
    'prompt "q"',
  ],
  [
    "bert mean",
    { "config_sentence_transformers.json": { default_prompt_name: "q" } },
    "MODEL_CONFIG_UNSUPPORTED",
    '"default_prompt_name"',
  ],
  [
    "bert dense",
    { "2_Dense/config.json": dense({ in_features: 16 }) },
    "MODEL_CONFIG_UNSUPPORTED",
    '"in_features" is 16',
  ],
  [
    "bert dense",
    { "2_Dense/config.json": dense({ activation_function: "my.Own" }) },
    "MODEL_CONFIG_UNSUPPORTED",
    "my.Own",
  ],
  [
    "bert dense",
    { "2_Dense/config.json": dense({ use_residual: true }) },
    "MODEL_CONFIG_UNSUPPORTED",
    "use_residual",
  ],
  [
    "bert dense",
    { "2_Dense/config.json": dense({ out_features: 11 }) },
    "MODEL_CONFIG_UNSUPPORTED",
    "in_features",
  ],
  [
    "bert dense",
    { "3_Dense/config.json": dense({ in_features: 12, out_features: 9, bias: false }) },
    "WEIGHTS_MISMATCH",
    "linear.weight",
  ],
  ["bert mean", { "config.json": { model_type: "t5" } }, "MODEL_CONFIG_UNSUPPORTED", "model_type"],
])("%s with %j is refused", (name, changes, code, words) => {
  const folder = writeCase(newFolder(), pipelineCase(name), changes);
  let error: unknown;
  try {
    loadEmbeddingModel(folder);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
});

test("a missing module folder, an unknown prompt", async () => {
  const folder = writeCase(newFolder(), pipelineCase("bert prompt"));
  const embedder = await TextEmbedder.create(loadEmbeddingModel(folder), { threads: 1 });
  await expect(embedder.embed(["x"], { prompt: "querry" })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    hint: expect.stringContaining("query"),
  });
  expect(embedder.prompts).toEqual(["document", "passage", "query"]);
  await embedder.dispose();
  rmSync(join(folder, "1_Pooling"), { recursive: true });
  expect(() => loadEmbeddingModel(folder)).toThrow(/1_Pooling.config.json is missing/);
});
