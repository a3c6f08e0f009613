/** An embedder whose vectors are kept in a file, so that a stopped table does not embed its prompts again. */
import { existsSync, readFileSync } from "node:fs";
import type { Embedder } from "../../src/routing/embedding/index.ts";
import { writeFileAtomic } from "../../src/support/atomic-file.ts";
import { TuttiError } from "../../src/support/errors.ts";

const BATCH = 256;

/** Embeds `texts` once; the result knows these texts only. */
export async function keptEmbedder(
  inner: Embedder,
  texts: readonly string[],
  path: string,
  onProgress: (done: number) => void,
): Promise<Embedder> {
  const distinct = [...new Set(texts)];
  const size = distinct.length * inner.dimension;
  let vectors: Float32Array;
  if (existsSync(path)) {
    const bytes = new Uint8Array(readFileSync(path));
    vectors = new Float32Array(bytes.buffer);
    if (vectors.length !== size) {
      throw new TuttiError("DATASET_INVALID", `${path}: holds ${vectors.length} numbers, expected ${size}`, {
        hint: "the data changed: give another --out",
      });
    }
  } else {
    vectors = new Float32Array(size);
    for (let start = 0; start < distinct.length; start += BATCH) {
      const part = await inner.embed(distinct.slice(start, start + BATCH));
      for (const [index, vector] of part.entries()) vectors.set(vector, (start + index) * inner.dimension);
      onProgress(Math.min(distinct.length, start + BATCH));
    }
    writeFileAtomic(path, new Uint8Array(vectors.buffer));
  }
  const rowOf = new Map(distinct.map((text, row) => [text, row]));
  return {
    kind: inner.kind,
    dimension: inner.dimension,
    embed: async (asked) =>
      asked.map((text) => {
        const row = rowOf.get(text);
        if (row === undefined)
          throw new TuttiError("INVALID_ARGUMENT", "a text that was not embedded beforehand");
        return vectors.subarray(row * inner.dimension, (row + 1) * inner.dimension);
      }),
  };
}
