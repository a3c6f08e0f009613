/** Prompt embeddings: the one interface that similarity-based routers need, and a cache in front of it. */
import { TuttiError } from "../../support/errors.ts";

/** Maps texts to vectors of unit length, so that the dot product of two is their cosine similarity. */
export interface Embedder {
  /** Stable name of the method and its weights; saved routers check it. */
  readonly kind: string;
  readonly dimension: number;
  /** One vector of `dimension` values per text, not to be modified; zeros for a text without any known feature. */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

/** Scales a vector to unit length in place; a zero vector stays as it is. */
export function normaliseLength(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  if (sum > 0) {
    const scale = 1 / Math.sqrt(sum);
    for (let index = 0; index < vector.length; index++) vector[index]! *= scale;
  }
  return vector;
}

/** True for the vector of a text that the embedder knows nothing of. */
export function isZeroVector(vector: Float32Array): boolean {
  return vector.every((value) => value === 0);
}

/**
 * The embedder that a saved part was trained with.
 *
 * @throws {TuttiError} ROUTER_INVALID when there is none, or another one
 */
export function requireEmbedder(
  path: string,
  described: { readonly kind: string; readonly dimension: number },
  embedder: Embedder | undefined,
): Embedder {
  const { kind, dimension } = described;
  if (embedder?.kind === kind && embedder.dimension === dimension) return embedder;
  const received =
    embedder === undefined ? "no embedder" : `${embedder.kind} of dimension ${embedder.dimension}`;
  throw new TuttiError(
    "ROUTER_INVALID",
    `${path}: header.embedder is ${kind} of dimension ${dimension}, the router has ${received}`,
    {
      details: { path, field: "header.embedder" },
      hint: "train the router again, or copy its whole folder",
    },
  );
}

/** Embeds texts into one row-major matrix of [texts, dimension]. */
export async function embedMatrix(embedder: Embedder, texts: readonly string[]): Promise<Float32Array> {
  const vectors = await embedder.embed(texts);
  const matrix = new Float32Array(texts.length * embedder.dimension);
  for (const [index, vector] of vectors.entries()) matrix.set(vector, index * embedder.dimension);
  return matrix;
}

/** Remembers the most recently used embeddings, so that several routers over one embedder pay for a prompt once. */
export class CachingEmbedder implements Embedder {
  readonly inner: Embedder;
  readonly capacity: number;
  private readonly cache = new Map<string, Float32Array>();

  /** @param capacity - texts to remember; 16,384 vectors of 384 values are 25 MB */
  constructor(inner: Embedder, capacity = 16_384) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new TuttiError("INVALID_ARGUMENT", `capacity is ${capacity}, expected a positive integer`);
    }
    this.inner = inner;
    this.capacity = capacity;
  }

  get kind(): string {
    return this.inner.kind;
  }

  get dimension(): number {
    return this.inner.dimension;
  }

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    const found = new Map<string, Float32Array>();
    const missing = new Set<string>();
    for (const text of texts) {
      const vector = this.cache.get(text);
      if (vector === undefined) missing.add(text);
      else found.set(text, vector);
    }
    const wanted = [...missing];
    const vectors = wanted.length === 0 ? [] : await this.inner.embed(wanted);
    for (const [index, text] of wanted.entries()) found.set(text, vectors[index]!);
    for (const [text, vector] of found) {
      // A Map iterates in insertion order: re-inserting marks the text as the most recently used.
      this.cache.delete(text);
      this.cache.set(text, vector);
    }
    for (const oldest of this.cache.keys()) {
      if (this.cache.size <= this.capacity) break;
      this.cache.delete(oldest);
    }
    return texts.map((text) => found.get(text)!);
  }
}
