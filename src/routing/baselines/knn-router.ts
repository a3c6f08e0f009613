/** k nearest training prompts, with the neighbours open to inspection. */
import { z } from "zod";
import { type JudgedRecord, promptText } from "../../judged/record.ts";
import { normalisedPrompt } from "../../judged/split.ts";
import { TuttiError } from "../../support/errors.ts";
import type { BundleArrays } from "../bundle.ts";
import { type Embedder, embedMatrix, isZeroVector } from "../embedding/index.ts";
import { candidateEvidence, mean } from "../growth/candidate-evidence.ts";
import { appendColumn, dropColumn, rowMeans } from "../growth/columns.ts";
import type { RoutingQuery } from "../router.ts";
import { nearestRows } from "./nearest-rows.ts";
import { candidateColumn, type GrowableBaseline } from "./parts.ts";
import { flattenRows, meanRow, trainingData } from "./training-data.ts";

export const DEFAULT_NEIGHBOURS = 100;

/** Fewer judged prompts than this say little about a stored one that was not judged itself. */
const MIN_JUDGED_NEIGHBOURS = 10;

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

/** Normalised prompts of the examples: those kept whole, and the beginnings of the others by id. */
interface KnownExamples {
  readonly whole: ReadonlySet<string>;
  readonly cut: ReadonlyMap<string, string>;
}

function knownExamples(examples: KnnHeader["examples"]): KnownExamples {
  const isWhole = ({ prompt }: { readonly prompt: string }): boolean => prompt.length < EXCERPT_LENGTH;
  return {
    whole: new Set(examples.filter(isWhole).map(({ prompt }) => normalisedPrompt(prompt))),
    cut: new Map(
      examples.filter((one) => !isWhole(one)).map(({ id, prompt }) => [id, normalisedPrompt(prompt)]),
    ),
  };
}

/** Scores a query by the mean normalised scores of its k nearest training prompts (dot product). */
export class KnnRouter implements GrowableBaseline {
  readonly name: string = "knn";
  readonly candidates: readonly string[];
  readonly embedder: Embedder;
  private readonly state: KnnState;
  private readonly overall: Float64Array;
  private known: KnownExamples | undefined;

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

  /**
   * A stored prompt that was judged gets its own advantage, another the mean over the judged prompts nearest to it: as
   * many as hold the same share of the judged prompts as k does of the stored ones, and at least ten.
   */
  async withCandidate(name: string, records: readonly JudgedRecord[]): Promise<KnnRouter> {
    const { ids, prompts, advantages } = candidateEvidence(records, this.candidates, name);
    const { examples, embeddings, neighbours, scores } = this.state;
    const judged = await embedMatrix(this.embedder, prompts);
    const judgedById = new Map(ids.map((id, index) => [id, index]));
    const sameShare = Math.round((neighbours * ids.length) / examples.length);
    const count = Math.min(ids.length, Math.max(MIN_JUDGED_NEIGHBOURS, sameShare));
    const { dimension } = this.embedder;
    const width = this.candidates.length;
    const means = rowMeans(scores, width);
    const column = examples.map(({ id, prompt }, row) => {
      const own = judgedById.get(id);
      if (own !== undefined && prompts[own]!.slice(0, EXCERPT_LENGTH) === prompt)
        return means[row]! + advantages[own]!;
      const vector = embeddings.subarray(row * dimension, (row + 1) * dimension);
      const near = nearestRows(judged, vector, count).map(({ index }) => advantages[index]!);
      return means[row]! + mean(near);
    });
    return new KnnRouter([...this.candidates, name], this.embedder, {
      ...this.state,
      scores: appendColumn(scores, width, column),
    });
  }

  withoutCandidate(name: string): KnnRouter {
    const column = candidateColumn(this.candidates, name);
    return new KnnRouter(this.candidates.toSpliced(column, 1), this.embedder, {
      ...this.state,
      scores: dropColumn(this.state.scores, this.candidates.length, column),
    });
  }

  /** Whether a record is among the stored prompts; of a prompt that was cut, the id has to be the same too. */
  holds({ id, prompt }: Pick<JudgedRecord, "id" | "prompt">): boolean {
    const excerpt = promptText(prompt).slice(0, EXCERPT_LENGTH);
    const key = normalisedPrompt(excerpt);
    this.known ??= knownExamples(this.state.examples);
    return excerpt.length < EXCERPT_LENGTH ? this.known.whole.has(key) : this.known.cut.get(id) === key;
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
