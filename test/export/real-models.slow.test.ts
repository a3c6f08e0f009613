/** Exported real models against recorded runs. Needs them: npx tsx tools/fetch-models.ts minilm smollm2 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type ExportOptions, exportOnnx } from "../../src/export/index.ts";
import { loadTokenizer } from "../../src/text/index.ts";
import { type Batch, ExportedModel, pastOf } from "../support/exported-model.ts";
import { expectAllClose, fixtureJson } from "../support/fixtures.ts";

const MODELS = join(import.meta.dirname, "../../.cache/models");
const MINILM = join(MODELS, "all-MiniLM-L6-v2");
const SMOLLM2 = join(MODELS, "SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf");

const folder = mkdtempSync(join(tmpdir(), "tutti-export-real-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Rows padded on the right to the longest. */
function padded(rows: readonly (readonly number[])[]): Batch {
  const columns = Math.max(...rows.map(({ length }) => length));
  const fill = (value: (row: readonly number[], column: number) => number): number[] =>
    rows.flatMap((row) =>
      Array.from({ length: columns }, (_, column) => (column < row.length ? value(row, column) : 0)),
    );
  return { shape: [rows.length, columns], ids: fill((row, column) => row[column]!), mask: fill(() => 1) };
}

/** Means over tokens, of length 1. */
function pooled(hidden: Float32Array, { shape: [rows, columns], mask }: Batch): Float64Array[] {
  const width = hidden.length / rows / columns;
  return Array.from({ length: rows }, (_, row) => {
    const sum = new Float64Array(width);
    for (let place = row * columns; place < (row + 1) * columns; place++) {
      for (let i = 0; i < width && mask[place]; i++) sum[i]! += hidden[place * width + i]!;
    }
    const norm = Math.hypot(...sum);
    return sum.map((value) => value / norm);
  });
}

/** Name, options, most of 1 - cosine, most bytes. */
const FORMS: readonly (readonly [string, ExportOptions, number, number])[] = [
  ["f32", {}, 1e-9, 91e6],
  ["f16", { dtype: "f16" }, 1e-6, 46e6],
  ["int8", { dtype: "int8" }, 3e-3, 28e6],
  ["int8 in standard operators", { dtype: "int8", operators: "standard" }, 6e-4, 28e6],
];

test.skipIf(!existsSync(join(MINILM, "model.safetensors"))).each(FORMS)(
  "MiniLM, %s: cosines of embeddings beside those of sentence-transformers",
  async (name, options, mostDistance, mostBytes) => {
    const { sentences } = fixtureJson<{ sentences: { text: string; embedding: number[] }[] }>(
      "embeddings/minilm.json",
    );
    const out = join(folder, name);
    const manifest = await exportOnnx(MINILM, out, options);
    expect(manifest.task).toBe("feature-extraction");
    expect(manifest.files[0]!.bytes).toBeLessThan(mostBytes);
    const tokenizer = loadTokenizer(out);
    const model = await ExportedModel.open(out);
    const { cls, sep } = tokenizer.specialTokens;
    const rows = sentences.map(({ text }) => {
      const { ids } = tokenizer.encode(text.trim(), { addSpecialTokens: false });
      return [cls!, ...ids.slice(0, 254), sep!];
    });
    const batch = padded(rows);
    const { last_hidden_state: hidden } = await model.run(batch);
    await model.close();
    // Of vectors of length 1, half the squared distance is 1 - cosine, without its cancellation.
    const distances = pooled(hidden!.data as Float32Array, batch).map((embedding, row) =>
      sentences[row]!.embedding.reduce((sum, value, i) => sum + (value - embedding[i]!) ** 2 / 2, 0),
    );
    expect(Math.max(...distances)).toBeLessThan(mostDistance);
  },
);

test.skipIf(!existsSync(SMOLLM2))(
  "SmolLM2 from its GGUF file: transformers' likeliest tokens, with and without a past",
  { timeout: 180_000 },
  async () => {
    const { smollm2: recorded } =
      fixtureJson<Record<"smollm2", { ids: number[]; top: number[]; logits: number[] }>>(
        "weights/gguf-real.json",
      );
    const out = join(folder, "smollm2");
    await exportOnnx(SMOLLM2, out, { hasPast: true, isExternal: true, contextTokens: 64 });
    const model = await ExportedModel.open(out);
    const { ids, top, logits: expected } = recorded;
    let past = model.emptyPast(1);
    // The first 10 tokens at once, the others one by one.
    let last: Float32Array = new Float32Array();
    for (const [from, to] of [[0, 10], ...ids.slice(10).map((_, i) => [10 + i, 11 + i])] as [
      number,
      number,
    ][]) {
      const part = ids.slice(from, to);
      const results = await model.run(
        { shape: [1, part.length], ids: part, mask: new Array(to).fill(1) },
        past,
      );
      past = pastOf(results);
      last = (results.logits!.data as Float32Array).subarray(-49_152);
    }
    await model.close();
    const received = top.map((id) => last[id]!);
    expectAllClose(received, expected, { absolute: 2e-3, relative: 1e-4 }, "logits");
  },
);
