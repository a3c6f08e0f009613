/** Forms of weights, sizes of batches, files: exported random models beside Tutti's own forward pass. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExportOptions, exportOnnx } from "../../src/export/index.ts";
import { type GenerationModel, loadGenerationModel } from "../../src/generate/index.ts";
import { readOnnxModel } from "../../src/onnx/index.ts";
import { RandomStream } from "../../src/tensor/index.ts";
import { type Batch, ExportedModel } from "../support/exported-model.ts";
import { expectAllClose } from "../support/fixtures.ts";
import { writeModelFolder } from "../support/model-folder.ts";
import { wholeLogits } from "../support/tiny-generation.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-export-forms-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SIZES = {
  vocab_size: 256,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 128,
  initializer_range: 0.2,
};

const FAMILIES = {
  llama: { model_type: "llama", ...SIZES, tie_word_embeddings: false },
  qwen3: { model_type: "qwen3", ...SIZES, tie_word_embeddings: true },
  gemma3: { model_type: "gemma3_text", ...SIZES, sliding_window: 6, sliding_window_pattern: 2 },
  gpt2: {
    model_type: "gpt2",
    vocab_size: 256,
    n_embd: 64,
    n_head: 4,
    n_layer: 2,
    n_positions: 128,
    initializer_range: 0.2,
  },
};
type Family = keyof typeof FAMILIES;
const CONTEXT = 128;

const models = new Map<Family, GenerationModel>();
beforeAll(() => {
  for (const [family, config] of Object.entries(FAMILIES) as [Family, (typeof FAMILIES)[Family]][]) {
    models.set(family, loadGenerationModel(writeModelFolder(join(folder, family), config, 5)));
  }
});

let exports = 0;
async function exported(family: Family, options: ExportOptions = {}) {
  const out = join(folder, `out-${exports++}`);
  const manifest = await exportOnnx(join(folder, family), out, options);
  return { out, manifest, model: await ExportedModel.open(out) };
}

/** Random rows; row r is shorter than the longest by 2 r tokens, padded on one side. */
function randomRows(
  rows: number,
  columns: number,
  isPaddedLeft: boolean,
): { batch: Batch; texts: number[][] } {
  const random = new RandomStream({ seed: columns, stream: rows });
  const ids = new Int32Array(rows * columns);
  const mask = new Int32Array(rows * columns);
  const texts = Array.from({ length: rows }, (_, row) => {
    const text = Array.from({ length: columns - 2 * row }, () => random.nextInteger(256));
    const start = row * columns + (isPaddedLeft ? columns - text.length : 0);
    ids.set(text, start);
    mask.fill(1, start, start + text.length);
    return text;
  });
  return { batch: { shape: [rows, columns], ids, mask }, texts };
}

const atTokens = (data: Float32Array, { mask }: Batch): number[] =>
  Array.from(data).filter((_, flat) => mask[Math.floor(flat / 256)] !== 0);

describe.each(Object.keys(FAMILIES) as Family[])("%s", (family) => {
  test("any batch and length, padded on either side, gives what each text gives alone", async () => {
    const { model } = await exported(family);
    for (const [rows, columns, isPaddedLeft] of [
      [1, 1, false],
      [1, 9, false],
      [3, 7, false],
      [4, 20, true],
      [1, CONTEXT, false],
    ] as const) {
      const { batch, texts } = randomRows(rows, columns, isPaddedLeft);
      const { logits } = await model.run(batch);
      expect(logits!.dims).toEqual([rows, columns, 256]);
      const alone = [];
      for (const text of texts) alone.push(...(await wholeLogits(models.get(family)!, text, CONTEXT)));
      expectAllClose(
        atTokens(logits!.data as Float32Array, batch),
        alone,
        { absolute: 2e-4, relative: 1e-4 },
        `${rows} x ${columns}`,
      );
    }
    await model.close();
  });

  test("fewer bits: what is stored, what is lost, how large the file is", async () => {
    const { batch, texts } = randomRows(1, 24, false);
    const exact = await wholeLogits(models.get(family)!, texts[0]!, CONTEXT);
    const energy = exact.reduce((sum, value) => sum + value * value, 0);
    const lossOf = async (options: ExportOptions) => {
      const { out, manifest, model } = await exported(family, options);
      const { logits } = await model.run(batch);
      await model.close();
      const values = logits!.data as Float32Array;
      const loss = exact.reduce((sum, value, index) => sum + (value - values[index]!) ** 2, 0);
      const { inputs } = readOnnxModel(readFileSync(join(out, "model.onnx")));
      expect(inputs).toEqual(["input_ids", "attention_mask"]);
      return {
        loss: Math.sqrt(loss / energy),
        bytes: statSync(join(out, "model.onnx")).size,
        manifest,
      };
    };
    const [whole, half, eight, standard] = [
      await lossOf({}),
      await lossOf({ dtype: "f16" }),
      await lossOf({ dtype: "int8" }),
      await lossOf({ dtype: "int8", operators: "standard" }),
    ];
    expect(whole.loss).toBeLessThan(1e-5);
    expect(half.loss).toBeGreaterThan(1e-5);
    expect(half.loss).toBeLessThan(2e-3);
    expect(half.bytes).toBeLessThan(0.62 * whole.bytes);
    for (const { loss, bytes, manifest } of [eight, standard]) {
      expect(loss).toBeGreaterThan(1e-4);
      expect(loss).toBeLessThan(0.05);
      expect(bytes).toBeLessThan(0.45 * whole.bytes);
      expect(manifest.weights.quantizationError).toBeGreaterThan(1e-3);
      expect(manifest.weights.quantizationError).toBeLessThan(1e-2);
    }
    expect(standard.manifest.operatorSets).toEqual({ "": 17 });
    expect(eight.manifest.operatorSets).toEqual({ "": 17, "com.microsoft": 1 });
  });
});

test("weights in a file of their own change no bit of what is computed", async () => {
  const { batch } = randomRows(2, 12, false);
  for (const dtype of ["f32", "f16", "int8"] as const) {
    const inside = await exported("qwen3", { dtype });
    const outside = await exported("qwen3", { dtype, isExternal: true });
    expect(outside.manifest.weights.isExternal).toBe(true);
    expect(readdirSync(outside.out).sort()).toContain("model.onnx.data");
    expect(statSync(join(outside.out, "model.onnx")).size).toBeLessThan(60_000);
    const [first, second] = [await inside.model.run(batch), await outside.model.run(batch)];
    expect(second.logits!.data).toEqual(first.logits!.data);
    await inside.model.close();
    await outside.model.close();
  }
});

test("ONNX Runtime's optimiser changes nothing but rounding", async () => {
  const { batch } = randomRows(2, 12, true);
  for (const dtype of ["f32", "f16", "int8"] as const) {
    const { out, model } = await exported("gemma3", { dtype, operators: "standard" });
    const plain = await ExportedModel.open(out, { graphOptimizationLevel: "disabled" });
    const [optimised, asWritten] = [await model.run(batch), await plain.run(batch)];
    expectAllClose(
      atTokens(optimised.logits!.data as Float32Array, batch),
      atTokens(asWritten.logits!.data as Float32Array, batch),
      { absolute: 2e-4, relative: 1e-4 },
      dtype,
    );
    await model.close();
    await plain.close();
  }
});

test("a row longer than the context is refused by the runtime, not computed wrongly", async () => {
  const { out, model: unused } = await exported("llama", { contextTokens: 8 });
  await unused.close();
  const model = await ExportedModel.open(out, { logSeverityLevel: 4 });
  await model.run(randomRows(1, 8, false).batch);
  await expect(model.run(randomRows(1, 9, false).batch)).rejects.toThrow(/[Ii]ndices|out of/);
  await model.close();
});
