/** all-MiniLM-L6-v2's embeddings against sentence-transformers. Needs the weights: npx tsx tools/fetch-models.ts minilm */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EncoderEmbedder } from "../../src/routing/embedding/index.ts";
import { fixtureJson } from "../support/fixtures.ts";
import { recordParity } from "../support/parity-report.ts";

const MODEL = join(import.meta.dirname, "../../.cache/models/all-MiniLM-L6-v2");
const { sentences } = fixtureJson<{ sentences: { name: string; text: string; embedding: number[] }[] }>(
  "embeddings/minilm.json",
);

// The weights are not ours to ship; without them there is nothing to compare.
test.skipIf(!existsSync(join(MODEL, "model.safetensors")))(
  "embeddings are within 1e-5 of sentence-transformers'",
  async () => {
    const embedder = new EncoderEmbedder(MODEL);
    const embeddings = await embedder.embed(sentences.map(({ text }) => text));
    let largest = 0;
    for (const [index, { name, embedding }] of sentences.entries()) {
      recordParity(embeddings[index]!, embedding, { absolute: 1e-5, relative: 0 }, name);
      expect(embeddings[index]!.length, name).toBe(embedding.length);
      for (const [column, expected] of embedding.entries()) {
        largest = Math.max(largest, Math.abs(embeddings[index]![column]! - expected));
      }
    }
    expect(largest).toBeLessThan(1e-5);
  },
);
