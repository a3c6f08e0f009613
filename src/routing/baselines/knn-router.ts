/** k nearest training prompts, with the neighbours open to inspection. */
import { z } from "zod";
import type { JudgedRecord } from "../../judged/record.ts";
import { TuttiError } from "../../support/errors.ts";
import type { BundleArrays } from "../bundle.ts";
import { type Embedder, embedMatrix, isZeroVector } from "../embedding/index.ts";
import type { RoutingQuery } from "../router.ts";
import { nearestRows } from "./nearest-rows.ts";
import type { SavableRouter } from "./parts.ts";
import { flattenRows, meanRow, trainingData } from "./training-data.ts";

export const DEFAULT_NEIGHBOURS = 100;

/** Prompts are kept to show neighbours to people; an excerpt is enough for that. */
const EXCERPT_LENGTH = 500;

/** A training prompt beside the query. */
export interface Neighbour {
  readonly id: string;
  /** Cosine of the angle between the embeddings. */
  readonly similarity: number;
  /** At most the first 500 UTF-16 units of the training prompt. */
  readonly prompt: string;
  /** The prompt's scores, min-max normalised over its candidates, in candidate order. */
  readonly scores: Float64Array;
}

export const knnHeaderSchema = z.object({
  kind: z.literal("knn"),
  neighbours: z.int().positive(),
  examples: z.array(z.object({ id: z.string(), prompt: z.string() })).min(1),
});

type KnnHeader = z.infer<typeof knnHeaderSchema>;

interface KnnState {
  readonly neighbours: number;
  readonly examples: KnnHeader["examples"];
  /** [examples, dimension] row-major, unit rows. */
  readonly embeddings: Float32Array;
  /** [examples, candidates] row-major. */
  readonly scores: Float64Array;
}

/** Scores a query by the mean normalised scores of its k nearest training prompts (dot product). */
export class KnnRouter implements SavableRouter {
  readonly name: string = "knn";
  readonly candidates: readonly string[];
  readonly embedder: Embedder;
  private readonly state: KnnState;
  private readonly overall: Float64Array;

  constructor(candidates: readonly string[], embedder: Embedder, state: KnnState) {
    this.candidates = candidates;
    this.embedder = embedder;
    this.state = state;
    this.overall = meanRow(
      state.examples.map((_, index) => this.scoreRow(index)),
      candidates.length,
    );
  }

  /** A query without any known word has no neighbours and gets the mean over all training prompts. */
  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    const vectors = await this.embedder.embed(queries.map((query) => query.prompt));
    return vectors.map((vector) => {
      if (isZeroVector(vector)) return Float64Array.from(this.overall);
      const rows = nearestRows(this.state.embeddings, vector, this.state.neighbours);
      return meanRow(
        rows.map(({ index }) => this.scoreRow(index)),
        this.candidates.length,
      );
    });
  }

  /** The nearest training prompts, most similar first; empty when no word of the prompt is known. */
  async nearest(prompt: string, count: number): Promise<Neighbour[]> {
    const [vector] = await this.embedder.embed([prompt]);
    if (isZeroVector(vector!)) return [];
    return nearestRows(this.state.embeddings, vector!, count).map(({ index, similarity }) => ({
      ...this.state.examples[index]!,
      similarity,
      scores: this.scoreRow(index).slice(),
    }));
  }

  toContent() {
    const { neighbours, examples, embeddings, scores } = this.state;
    return { header: { kind: "knn", neighbours, examples }, arrays: { embeddings, scores } };
  }

  static fromContent(
    header: KnnHeader,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): KnnRouter {
    const count = header.examples.length;
    return new KnnRouter(candidates, embedder, {
      neighbours: header.neighbours,
      examples: header.examples,
      embeddings: arrays.float32("embeddings", count * embedder.dimension),
      scores: arrays.float64("scores", count * candidates.length),
    });
  }

  private scoreRow(index: number): Float64Array {
    const width = this.candidates.length;
    return this.state.scores.subarray(index * width, (index + 1) * width);
  }
}

/**
 * @param options.neighbours - k, @default 100; all prompts when there are fewer
 * @throws {TuttiError} see {@link trainingData}; INVALID_ARGUMENT for a non-positive k
 */
export async function trainKnn(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: { readonly neighbours?: number } = {},
): Promise<KnnRouter> {
  const { neighbours = DEFAULT_NEIGHBOURS } = options;
  if (!Number.isInteger(neighbours) || neighbours < 1) {
    throw new TuttiError("INVALID_ARGUMENT", `neighbours is ${neighbours}, expected a positive integer`);
  }
  const data = trainingData(records, candidates);
  return new KnnRouter(data.candidates, embedder, {
    neighbours: Math.min(neighbours, data.ids.length),
    examples: data.ids.map((id, index) => ({ id, prompt: data.prompts[index]!.slice(0, EXCERPT_LENGTH) })),
    embeddings: await embedMatrix(embedder, data.prompts),
    scores: flattenRows(data.normalised, candidates.length),
  });
}
