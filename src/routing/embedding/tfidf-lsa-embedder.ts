/**
 * Latent semantic analysis: tf-idf over words and word pairs, projected onto the leading directions of the
 * training prompts. Needs no pretrained weights and no network, and says nothing about words it never saw.
 *
 * Source: Deerwester et al., "Indexing by latent semantic analysis", JASIS 41 (1990).
 */
import { z } from "zod";
import { TuttiError } from "../../support/errors.ts";
import { streamOf } from "../../tensor/random.ts";
import { type BundleArrays, type BundleContent, loadBundle, saveBundle } from "../bundle.ts";
import { type Embedder, normaliseLength } from "./embedder.ts";
import { sparseRows } from "./sparse-rows.ts";
import { fitTermWeights, type TermWeights, termColumns, weighTerms } from "./term-weighting.ts";
import { truncatedSvd } from "./truncated-svd.ts";

export const TFIDF_LSA_KIND = "tfidf-lsa";

const BUNDLE_FORMAT = "tutti-tfidf-lsa-embedder";

export interface TfidfLsaOptions {
  /** Directions kept; fewer when the prompts span fewer. @default 256 */
  readonly dimension?: number;
  /** @default 10000 */
  readonly maxTerms?: number;
  /** @default 2 */
  readonly minDocumentFrequency?: number;
  /** @default 2 */
  readonly powerIterations?: number;
  /** Seed of the randomised decomposition. @default 0 */
  readonly seed?: number;
}

export const tfidfLsaHeaderSchema = z.object({
  dimension: z.int().positive(),
  terms: z.array(z.string()).min(1),
});

export type TfidfLsaHeader = z.infer<typeof tfidfLsaHeaderSchema>;

/** Fit with {@link TfidfLsaEmbedder.fit}; a pure function of the training prompts, the options and the text. */
export class TfidfLsaEmbedder implements Embedder {
  readonly kind: string = TFIDF_LSA_KIND;
  readonly dimension: number;
  private readonly weights: TermWeights;
  private readonly columns: ReadonlyMap<string, number>;
  /** [terms, dimension] row-major. */
  private readonly projection: Float32Array;

  private constructor(weights: TermWeights, projection: Float32Array) {
    this.weights = weights;
    this.columns = termColumns(weights);
    this.projection = projection;
    this.dimension = projection.length / weights.terms.length;
  }

  /**
   * Learns terms, weights and directions from training prompts.
   *
   * @throws {TuttiError} INVALID_ARGUMENT for a non-positive option; DATASET_INVALID when the prompts share no term
   */
  static fit(prompts: readonly string[], options: TfidfLsaOptions = {}): TfidfLsaEmbedder {
    const { dimension = 256, maxTerms = 10_000, minDocumentFrequency = 2 } = options;
    const { powerIterations = 2, seed = 0 } = options;
    for (const [name, value] of Object.entries({ dimension, maxTerms, minDocumentFrequency })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new TuttiError("INVALID_ARGUMENT", `${name} is ${value}, expected a positive integer`);
      }
    }
    const weights = fitTermWeights(prompts, { maxTerms, minDocumentFrequency });
    const columns = termColumns(weights);
    const matrix = sparseRows(
      prompts.map((prompt) => weighTerms(prompt, weights, columns)),
      weights.terms.length,
    );
    const key = { seed, stream: streamOf(TFIDF_LSA_KIND) };
    const { projection } = truncatedSvd(matrix, { rank: dimension, powerIterations, key });
    return new TfidfLsaEmbedder(weights, Float32Array.from(projection));
  }

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    return texts.map((text) => {
      const { indices, values } = weighTerms(text, this.weights, this.columns);
      const vector = new Float64Array(this.dimension);
      for (const [entry, column] of indices.entries()) {
        const from = column * this.dimension;
        for (let k = 0; k < this.dimension; k++) vector[k]! += values[entry]! * this.projection[from + k]!;
      }
      return normaliseLength(Float32Array.from(vector));
    });
  }

  /** Everything the embedder needs, for a bundle of its own or as a part of a larger one. */
  toContent(): BundleContent {
    return {
      header: { dimension: this.dimension, terms: this.weights.terms },
      arrays: {
        inverseDocumentFrequencies: this.weights.inverseDocumentFrequencies,
        projection: this.projection,
      },
    };
  }

  /** @throws {TuttiError} ROUTER_INVALID when an array does not fit the header */
  static fromContent(header: TfidfLsaHeader, arrays: BundleArrays): TfidfLsaEmbedder {
    const { terms, dimension } = header;
    return new TfidfLsaEmbedder(
      { terms, inverseDocumentFrequencies: arrays.float64("inverseDocumentFrequencies", terms.length) },
      arrays.float32("projection", terms.length * dimension),
    );
  }

  /** Writes `NAME.json` and its binary into the folder; see {@link saveBundle}. */
  save(directory: string, name = "embedder"): void {
    saveBundle(directory, name, BUNDLE_FORMAT, this.toContent());
  }

  /** @throws {TuttiError} ROUTER_INVALID naming the file and the field */
  static load(directory: string, name = "embedder"): TfidfLsaEmbedder {
    const { header, arrays } = loadBundle(directory, name, BUNDLE_FORMAT, tfidfLsaHeaderSchema);
    return TfidfLsaEmbedder.fromContent(header, arrays);
  }
}
