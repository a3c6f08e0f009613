/** What the routers that see a prompt only through its embedding have in common. */
import type { BundleContent } from "../bundle.ts";
import type { Embedder } from "../embedding/index.ts";
import type { RoutingQuery } from "../router.ts";
import type { SavableRouter } from "./parts.ts";

export abstract class EmbeddingRouter implements SavableRouter {
  abstract readonly name: string;
  readonly candidates: readonly string[];
  readonly embedder: Embedder;

  constructor(candidates: readonly string[], embedder: Embedder) {
    this.candidates = candidates;
    this.embedder = embedder;
  }

  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    const vectors = await this.embedder.embed(queries.map(({ prompt }) => prompt));
    return vectors.map((vector) => this.scoresOf(vector));
  }

  /** One score per candidate, for an embedded prompt. */
  abstract scoresOf(vector: Float32Array): Float64Array;

  abstract toContent(): BundleContent;
}
