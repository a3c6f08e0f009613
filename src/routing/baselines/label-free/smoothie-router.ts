/** Routing without scores: candidates whose answers agree with the others' on similar prompts. */
import { z } from "zod";
import { type JudgedRecord, promptText } from "../../../judged/record.ts";
import { TuttiError } from "../../../support/errors.ts";
import type { BundleArrays } from "../../bundle.ts";
import { type Embedder, embedMatrix } from "../../embedding/index.ts";
import { candidateAnswer } from "../answers.ts";
import { EmbeddingRouter } from "../embedding-router.ts";
import { nearestRows } from "../nearest-rows.ts";
import { checkCandidates, checkRecords, flattenRows } from "../training-data.ts";
import { LEAST_SOURCES, latentErrors, squaredDistances } from "./smoothie-quality.ts";

/** n0 of Lookahead's comparison (arXiv 2510.19506). */
const DEFAULT_NEIGHBOURS = 1000;

/** Answers are embedded a few prompts at a time, so that their vectors need not all be held. */
const PROMPTS_PER_CALL = 64;

export const smoothieHeaderSchema = z.object({
  kind: z.literal("smoothie"),
  neighbours: z.int().positive(),
  prompts: z.int().positive(),
});

interface SmoothieState {
  readonly neighbours: number;
  /** [prompts, dimension] row-major, unit rows. */
  readonly embeddings: Float32Array;
  /** delta_i of the answers to each training prompt, [prompts, candidates] row-major. */
  readonly errors: Float64Array;
}

/**
 * A prompt scores -delta_i (see smoothie-quality.ts) averaged over its n0 nearest training prompts: the nearer a
 * candidate's answers are to the unknown true ones, the higher. Judged scores are never read.
 *
 * Source: SMOOTHIE-LOCAL, arXiv 2412.04692, trained on earlier prompts; -delta ranks as the paper's theta = d / (2 delta)
 * does, and stays finite.
 */
export class SmoothieRouter extends EmbeddingRouter {
  override readonly name: string = "smoothie";
  private readonly state: SmoothieState;

  constructor(candidates: readonly string[], embedder: Embedder, state: SmoothieState) {
    super(candidates, embedder);
    this.state = state;
  }

  override scoresOf(vector: Float32Array): Float64Array {
    const { neighbours, embeddings, errors } = this.state;
    const width = this.candidates.length;
    const scores = new Float64Array(width);
    const rows = nearestRows(embeddings, vector, neighbours);
    for (const { index } of rows) {
      for (let column = 0; column < width; column++) {
        scores[column]! -= errors[index * width + column]! / rows.length;
      }
    }
    return scores;
  }

  override toContent() {
    const { neighbours, embeddings, errors } = this.state;
    const prompts = errors.length / this.candidates.length;
    return { header: { kind: "smoothie", neighbours, prompts }, arrays: { embeddings, errors } };
  }

  static fromContent(
    header: z.infer<typeof smoothieHeaderSchema>,
    arrays: BundleArrays,
    candidates: readonly string[],
    embedder: Embedder,
  ): SmoothieRouter {
    return new SmoothieRouter(candidates, embedder, {
      neighbours: header.neighbours,
      embeddings: arrays.float32("embeddings", header.prompts * embedder.dimension),
      errors: arrays.float64("errors", header.prompts * candidates.length),
    });
  }
}

/** delta row of every record, from its embedded answers. */
async function answerErrors(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
): Promise<Float64Array[]> {
  const rows: Float64Array[] = [];
  for (let start = 0; start < records.length; start += PROMPTS_PER_CALL) {
    const chunk = records.slice(start, start + PROMPTS_PER_CALL);
    const vectors = await embedder.embed(
      chunk.flatMap((record) => candidates.map((candidate) => candidateAnswer(record, candidate))),
    );
    for (const index of chunk.keys()) {
      const own = vectors.slice(index * candidates.length, (index + 1) * candidates.length);
      rows.push(latentErrors(squaredDistances(own), candidates.length));
    }
  }
  return rows;
}

/**
 * @param options.neighbours - n0, @default 1000; all prompts when there are fewer
 * @param options.answerEmbedder - embeds the answers, @default the embedder of the prompts
 * @throws {TuttiError} INVALID_ARGUMENT for fewer than three candidates or a non-positive n0; RECORD_INVALID for a
 * missing answer; DATASET_INVALID for no records
 */
export async function trainSmoothie(
  records: readonly JudgedRecord[],
  candidates: readonly string[],
  embedder: Embedder,
  options: { readonly neighbours?: number; readonly answerEmbedder?: Embedder } = {},
): Promise<SmoothieRouter> {
  const { neighbours = DEFAULT_NEIGHBOURS, answerEmbedder = embedder } = options;
  if (!Number.isInteger(neighbours) || neighbours < 1) {
    throw new TuttiError("INVALID_ARGUMENT", `neighbours is ${neighbours}, expected a positive integer`);
  }
  checkCandidates(candidates);
  if (candidates.length < LEAST_SOURCES) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `smoothie: ${candidates.length} candidates, expected at least ${LEAST_SOURCES}`,
      { hint: "with two candidates, agreement does not tell which one is right" },
    );
  }
  checkRecords(records);
  const errors = await answerErrors(records, candidates, answerEmbedder);
  const prompts = records.map(({ prompt }) => promptText(prompt));
  return new SmoothieRouter([...candidates], embedder, {
    neighbours: Math.min(neighbours, records.length),
    embeddings: await embedMatrix(embedder, prompts),
    errors: flattenRows(errors, candidates.length),
  });
}
