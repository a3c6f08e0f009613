/** all-MiniLM-L6-v2's embeddings against sentence-transformers. Needs the weights: npx tsx tools/fetch-models.ts minilm */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadEmbeddingModel, TextEmbedder } from "../../src/embed/index.ts";
import { EncoderEmbedder } from "../../src/routing/embedding/index.ts";
import { fixtureJson } from "../support/fixtures.ts";
import { recordParity } from "../support/parity-report.ts";

const MODEL = join(import.meta.dirname, "../../.cache/models/all-MiniLM-L6-v2");
const { sentences } = fixtureJson<{ sentences: { name: string; text: string; embedding: number[] }[] }>(
  "embeddings/minilm.json",
);
const texts = sentences.map(({ text }) => text);

function largestDifference(vectors: readonly Float32Array[]): number {
  let largest = 0;
  for (const [index, { name, embedding }] of sentences.entries()) {
    recordParity(vectors[index]!, embedding, { absolute: 1e-5, relative: 0 }, name);
    expect(vectors[index]!.length, name).toBe(embedding.length);
    for (const [column, expected] of embedding.entries()) {
      largest = Math.max(largest, Math.abs(vectors[index]![column]! - expected));
    }
  }
  return largest;
}

// The weights are not ours to ship; without them there is nothing to compare.
describe.skipIf(!existsSync(join(MODEL, "model.safetensors")))("all-MiniLM-L6-v2", () => {
  test("embeddings are within 1e-5 of sentence-transformers'", async () => {
    const embedder = new EncoderEmbedder(MODEL);
    // Saved routers name it so.
    expect(embedder.kind).toBe("bert-mean:1fb3afa2a75e5cb1");
    expect(largestDifference(await embedder.embed(texts))).toBeLessThan(1e-5);
  });

  test("in 8 bits the cosine to sentence-transformers' is above 0.998", async () => {
    const model = loadEmbeddingModel(MODEL, { weightBits: 8 });
    expect(model.weightBytes).toBeLessThan(27e6);
    const embedder = await TextEmbedder.create(model, { threads: 1 });
    const vectors = await embedder.embed(texts);
    await embedder.dispose();
    const cosines = vectors.map((vector, index) =>
      vector.reduce((sum, value, column) => sum + value * sentences[index]!.embedding[column]!, 0),
    );
    expect(Math.min(...cosines)).toBeGreaterThan(0.998);
    expect(cosines.reduce((sum, value) => sum + value) / cosines.length).toBeGreaterThan(0.999);
    expect(largestDifference(vectors)).toBeGreaterThan(1e-4);
  });
});
